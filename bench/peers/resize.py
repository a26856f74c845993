"""The peer of `fsfm bench resize`: Pillow's bicubic resize."""

import os

import PIL
from PIL import Image

from common import main

SIZES = [((1920, 1080), (455, 256)), ((640, 480), (341, 256)), ((300, 300), (224, 224)), ((112, 112), (224, 224))]


def cases():
    for size, out in SIZES:
        image = Image.frombytes("RGB", size, os.urandom(size[0] * size[1] * 3))
        yield "%dx%d to %dx%d" % (*size, *out), lambda image=image, out=out: image.resize(out, Image.BICUBIC)


main("resize", "Pillow " + PIL.__version__, cases())
