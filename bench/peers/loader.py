"""The Python equivalent of `fsfm bench loader`: faces as PNG, parsing maps as .npy, masks drawn in the collate function.

The usual PyTorch path on one thread: Pillow decodes, a float tensor is normalised, the map is loaded, masks.py masks.
"""

import os
import random
import tempfile

import numpy
import torch
from PIL import Image

import common
import masks

SIDE, FACES, BATCH = masks.SIDE, 256, 64
MEAN, STD = torch.tensor([.485, .456, .406]).view(3, 1, 1), torch.tensor([.229, .224, .225]).view(3, 1, 1)


def draw_face(rng):
    """The waves, the oval and the noise of src/cli/bench_loader.cc."""
    y, x = numpy.mgrid[0:SIDE, 0:SIDE]
    fx, fy, phase = rng.uniform(.01, .04), rng.uniform(.01, .04), rng.uniform(0, 6)
    oval = numpy.where(((x - 112) / 70) ** 2 + ((y - 118) / 92) ** 2 < 1, 60, 0)
    wave = 40 * numpy.sin(fx * x + phase) + 30 * numpy.cos(fy * y * 3) + 8 * numpy.sin(.9 * x) * numpy.sin(.7 * y)
    channels = [100 - 15 * c + oval + wave + 4 * rng.standard_normal((SIDE, SIDE)) for c in range(3)]
    return numpy.stack(channels, axis=-1).clip(0, 255).astype(numpy.uint8)


def load(folder, index):
    with Image.open(os.path.join(folder, f"{index}.png")) as picture:
        pixels = numpy.asarray(picture.convert("RGB"))
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous().float().div(255)
    return (tensor - MEAN) / STD, torch.from_numpy(numpy.load(os.path.join(folder, f"{index}.npy")))


def main():
    torch.set_num_threads(1)
    random.seed(11)
    torch.manual_seed(11)
    rng = numpy.random.default_rng(11)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(FACES):
            Image.fromarray(draw_face(rng)).save(os.path.join(folder, f"{i}.png"))
            numpy.save(os.path.join(folder, f"{i}.npy"), masks.synthetic_map(random).numpy()[None])

        def batch():
            pairs = [load(folder, i) for i in random.sample(range(FACES), BATCH)]
            return torch.stack([image for image, _ in pairs]), masks.collate([parsing[0] for _, parsing in pairs])

        common.main("loader", "Pillow, NumPy, PyTorch", [("64 stored faces to tensors and crfr-p masks", batch)])


main()
