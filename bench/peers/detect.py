"""The published way from a photograph to its verdicts, beside `fsfm bench detect`: Pillow, dlib's HOG face detector on the
picture enlarged once, crops of 1.3 times the box, eager PyTorch in float. dlib's Python binding is no Debian package, so its
time is that of the same library in C++: `fsfm bench faces`.
Usage: detect.py --picture PHOTO [--seconds S] [--model base]      FSFM: the program
"""

import argparse
import json
import os
import subprocess

from step import SIDE, SIZES, Block, LayerNorm, torch  # sets OpenBLAS up before it loads torch

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402

from common import measure  # noqa: E402


class Classifier(nn.Module):
    def __init__(self, size):
        super().__init__()
        dim, depth, heads = SIZES[size]
        self.patch_embed = nn.Conv2d(3, dim, 16, 16)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + (SIDE // 16) ** 2, dim) * 0.02)
        self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
        self.norm, self.head = LayerNorm(dim, eps=1e-6), nn.Linear(dim, 2)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x)[:, 1:].mean(1)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--picture", required=True)
    parser.add_argument("--model", default="small")
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    command = [os.environ.get("FSFM", "fsfm"), "bench", "faces", "--picture", options.picture, "--json", "--seconds",
               str(options.seconds)]
    hog = next(case for case in json.loads(subprocess.check_output(command))["cases"] if case["name"] == "dlib-hog")
    faces = max(1, int(hog["items"]))
    network = Classifier(options.model).eval()
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])

    def judge():
        picture = Image.open(options.picture).convert("RGB")
        side = min(picture.size) // 4  # where a face lies changes nothing of the time
        batch = []
        for i in range(faces):
            crop = picture.crop((i, i, i + side, i + side)).resize((256, 256), Image.BICUBIC).crop((16, 16, 240, 240))
            batch.append(((np.asarray(crop, np.float32) / 255 - mean) / std).transpose(2, 0, 1))
        with torch.inference_mode():
            return network(torch.from_numpy(np.stack(batch))).softmax(1).numpy()

    timing = measure(judge, options.seconds)
    for key in ("median_ms", "p10_ms", "p90_ms"):
        timing[key] += hog[key]
    # In float, whatever ours computes in.
    cases = [{"name": f"decode to verdict, ViT-{options.model}, {ours}", **timing} for ours in ("fp32", "bf16", "int8")]
    print(json.dumps({"bench": "detect", "peer": "dlib + PyTorch", "cases": cases}))


main()
