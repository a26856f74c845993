#!/usr/bin/env python3
"""Faces to choose the detector's threshold on: none was learned from, and every second one has the looks of real photographs
(a tilted head, light of two colours, out of focus, smoothed by the camera, small, compressed), real faces and attacks
alike.

Usage: tools/held_out_faces.py DATA SOURCES OUT     DATA and SOURCES as in tools/train_detector.sh; makes OUT/real and OUT/attack
Needs python3-numpy and python3-pil.
"""
import math
import os
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

SIDE, MARGIN = 256, 64


def out_of_focus(pixels, radius):
    """The mean over a disc, as a lens makes it."""
    reach = math.ceil(radius)
    padded = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    total, weight = np.zeros_like(pixels), 0.0
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            share = min(1.0, max(0.0, radius + 0.5 - math.hypot(dx, dy)))
            if share > 0:
                total += share * padded[reach + dy : reach + dy + SIDE, reach + dx : reach + dx + SIDE]
                weight += share
    return total / weight


def photographed(picture, rng, normal):
    face = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.BICUBIC))
    wide = Image.fromarray(np.pad(face, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="reflect"))
    turned = wide.rotate(rng.uniform(-28, 28), Image.BICUBIC).crop((MARGIN, MARGIN, MARGIN + SIDE, MARGIN + SIDE))
    angle = rng.uniform(0, 2 * math.pi)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1.0) - 0.5
    along = np.clip(0.5 + math.cos(angle) * x + math.sin(angle) * y, 0, 1)[..., None]
    one, other = (np.exp(0.2 * normal.standard_normal(3)) for _ in range(2))
    lit = np.clip(np.asarray(turned, dtype=np.float32) * (one + (other - one) * along), 0, 255)
    soft = Image.fromarray(out_of_focus(lit, rng.uniform(0.5, 3.0)).astype(np.uint8))
    if rng.random() < 0.5:  # noise reduction
        soft = soft.filter(ImageFilter.MedianFilter(rng.choice([3, 5])))
    side = rng.randint(160, SIDE)
    return soft.resize((side, side), Image.BICUBIC), rng.randint(75, 92)


def files(folder, pattern="*"):
    return sorted(p for p in Path(folder).glob(pattern) if p.is_file())


def main(data, sources, out):
    rng, normal = random.Random(7), np.random.default_rng(7)
    data, sources, out = Path(data).resolve(), Path(sources).resolve(), Path(out)
    other_two_thirds = lambda faces: [f for i, f in enumerate(faces, 1) if i % 3 != 0]  # each third is learned from
    sets = [("real", "allage", other_two_thirds(files(data / "faces/allage")), 500),
            ("real", "utkface", other_two_thirds(files(data / "faces/utkface")), 400)]
    for name, attack, most in [("ffpp", "deepfake", 230), ("dfdc", "deepfake", 250), ("replay", "spoof", 160),
                               ("synthetic", "synthetic", 200)]:
        sets.append(("real", name, files(sources / name / "val/real"), most))
        sets.append(("attack", name, files(sources / name / "val" / attack, "**/*"), most))
    for side, name, faces, most in sets:
        (out / side).mkdir(parents=True, exist_ok=True)
        for i, face in enumerate(rng.sample(faces, min(most, len(faces)))):
            target = out / side / f"{name}-{face.stem}"
            if i % 2 == 0:
                link = target.with_name(target.name + face.suffix)
                if not link.is_symlink():
                    os.symlink(face.resolve(), link)
                continue
            picture, quality = photographed(Image.open(face), rng, normal)
            picture.save(target.with_name(target.name + ".look.jpg"), quality=quality)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
