"""The Python equivalent of `fsfm bench step`: one step of FSFM pretraining in eager PyTorch, written as MAE-style code is.

The usual way: embed all patches, shuffle by argsort, keep the first quarter, put mask tokens back, predict every patch,
average the losses over the hidden ones; torch.optim.AdamW; the moving average with a foreach call.
"""

import argparse
import os

# OpenBLAS falls back to a kernel of 2004 on processors younger than itself; a user would notice and name the family.
with open("/proc/cpuinfo") as cpuinfo:
    flags = cpuinfo.read()
if "OPENBLAS_CORETYPE" not in os.environ and "avx512vl" in flags:
    os.environ["OPENBLAS_CORETYPE"] = "SKYLAKEX"

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from common import measure_once  # noqa: E402

SIZES = {"tiny": (192, 12, 3), "small": (384, 12, 12), "base": (768, 12, 12), "large": (1024, 24, 16)}
SIDE, PATCH, RATIO = 224, 16, 0.75
PATCHES = (SIDE // PATCH) ** 2


class LayerNorm(nn.LayerNorm):
    """In float, as autocast on CUDA does it; on the CPU 1.13 refuses a bfloat16 input with float weights."""

    def forward(self, x):
        return super().forward(x.float())


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        weights = ((q @ k.transpose(-2, -1)) * self.scale).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, n, d))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = LayerNorm(dim, eps=1e-6), LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


def projection(inputs):
    return nn.Sequential(nn.Linear(inputs, 4096), LayerNorm(4096), nn.ReLU(), nn.Linear(4096, 256))


class Trunk(nn.Module):
    """Encoder, rep decoder, projector; the online network adds predictor and pixel decoder."""

    def __init__(self, size, online):
        super().__init__()
        dim, depth, heads = SIZES[size]
        table = lambda width: nn.Parameter(torch.randn(1, 1 + PATCHES, width), requires_grad=False)
        self.patch_embed = nn.Conv2d(3, dim, PATCH, PATCH)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.mask_token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.pos_embed, self.rep_pos_embed = table(dim), table(dim)
        self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
        self.norm = LayerNorm(dim, eps=1e-6)
        self.rep_embed, self.rep_pred = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.rep_blocks = nn.Sequential(Block(dim, 16), Block(dim, 16))
        self.rep_norm = LayerNorm(dim, eps=1e-6)
        self.projector = projection(dim)
        if online:
            self.predictor = projection(256)
            self.decoder_embed, self.decoder_pos_embed = nn.Linear(dim, 512), table(512)
            self.decoder_blocks = nn.Sequential(*[Block(512, 16) for _ in range(8)])
            self.decoder_norm, self.decoder_pred = LayerNorm(512, eps=1e-6), nn.Linear(512, PATCH * PATCH * 3)

    def encode(self, images, mask=None):
        x = self.patch_embed(images).flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]
        restore = None
        if mask is not None:
            shuffle = torch.argsort(mask, dim=1)
            restore = torch.argsort(shuffle, dim=1)
            keep = shuffle[:, :PATCHES - int(PATCHES * RATIO)]
            x = torch.gather(x, 1, keep.unsqueeze(-1).expand(-1, -1, x.shape[2]))
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(len(x), -1, -1)
        return self.norm(self.blocks(torch.cat([cls, x], dim=1))), restore

    def fill(self, x, restore):
        tokens = self.mask_token.to(x.dtype).expand(len(x), restore.shape[1] + 1 - x.shape[1], -1)
        filled = torch.cat([x[:, 1:], tokens], dim=1)
        filled = torch.gather(filled, 1, restore.unsqueeze(-1).expand(-1, -1, x.shape[2]))
        return torch.cat([x[:, :1], filled], dim=1)

    def project(self, latent, restore=None):
        x = self.rep_embed(latent)
        if restore is not None:
            x = self.fill(x, restore)
        x = self.rep_pred(self.rep_norm(self.rep_blocks(x + self.rep_pos_embed)))
        return self.projector(x.mean(dim=1))

    def forward(self, images, mask):
        latent, restore = self.encode(images, mask)
        feature = self.predictor(self.project(latent, restore))
        x = self.decoder_embed(self.fill(latent, restore)) + self.decoder_pos_embed
        return feature, self.decoder_pred(self.decoder_norm(self.decoder_blocks(x)))[:, 1:]


def patchify(images):
    grid = SIDE // PATCH
    x = images.reshape(len(images), 3, grid, PATCH, grid, PATCH)
    return torch.einsum("nchpwq->nhwpqc", x).reshape(len(images), PATCHES, PATCH * PATCH * 3)


def make_step(model, batch, precision):
    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(0)
    online, target = Trunk(model, True), Trunk(model, False)
    target.requires_grad_(False)
    decay = [p for p in online.parameters() if p.requires_grad and p.ndim > 1]
    rest = [p for p in online.parameters() if p.requires_grad and p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}],
                                  lr=1e-4, betas=(0.9, 0.95))
    images = torch.randn(batch, 3, SIDE, SIDE)
    mask = torch.zeros(batch, PATCHES)
    mask.scatter_(1, torch.rand(batch, PATCHES).argsort(dim=1)[:, :int(PATCHES * RATIO)], 1.0)
    region = mask * (torch.rand(batch, PATCHES) < 0.1)
    sources = dict(online.named_parameters())
    pairs = [(p, sources[name]) for name, p in target.named_parameters()]

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            feature, pred = online(images, mask)
            with torch.no_grad():
                reference = target.project(target.encode(images)[0])
        goal = patchify(images)
        goal = (goal - goal.mean(dim=-1, keepdim=True)) / (goal.var(dim=-1, keepdim=True) + 1e-6) ** 0.5
        loss = ((pred.float() - goal) ** 2).mean(dim=-1)
        similarity = -0.5 * F.cosine_similarity(feature.float(), reference.float()).mean()
        loss = (loss * mask).sum() / mask.sum() + 0.007 * (loss * region).sum() / region.sum() + 0.1 * similarity
        loss.backward()
        nn.utils.clip_grad_norm_(online.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_mul_([p for p, _ in pairs], 0.996)
            torch._foreach_add_([p for p, _ in pairs], [q for _, q in pairs], alpha=0.004)

    return step


def main(bench="step", precision=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--model", choices=SIZES, default="small")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default=precision or "fp32")
    args = parser.parse_args()
    name = "ViT-%s, batch %d, %s" % (args.model, args.batch_size, precision or args.precision)
    step = make_step(args.model, args.batch_size, precision or args.precision)
    measure_once(bench, "PyTorch " + torch.__version__, name, step, args.seconds, warm_up=0.0, min_samples=2)


if __name__ == "__main__":
    main()
