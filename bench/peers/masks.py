"""The Python equivalent of `fsfm bench masks`: a collate function that turns parsing maps into CRFR-P masks.

Written in the straightforward PyTorch style: unfold the maps into patches, test each region group, then draw one mask an
image, on one thread.
"""

import random

import torch

import common

SIDE, PATCH, RATIO, BATCH = 224, 16, 0.75, 256
GROUPS = [[2, 3], [4, 5], [6], [7, 8, 9], None, [10], [1], [0]]  # None: the boundary, skin AND (hair OR background)
FACIAL = 6


def synthetic_map(rng):
    """The boxes of src/cli/bench_masks.cc."""
    parsing = torch.zeros(SIDE, SIDE, dtype=torch.int8)
    for label, x, y, width, height in [(10, 40, 16, 144, 150), (1, 56, 56, 112, 140), (2, 66, 76, 34, 7),
                                       (3, 124, 76, 34, 7), (4, 70, 90, 28, 12), (5, 126, 90, 28, 12),
                                       (6, 98, 92, 28, 44), (7, 88, 150, 48, 7), (8, 92, 156, 40, 5),
                                       (9, 90, 160, 44, 9)]:
        x, y = x + rng.randint(-8, 8), y + rng.randint(-8, 8)
        parsing[y:y + height, x:x + width] = label
    return parsing


def presence(patches):
    """[patches, PATCH * PATCH] class indices -> [groups, patches] booleans."""
    def any_of(classes):
        hit = torch.zeros(patches.shape[0], dtype=torch.bool)
        for label in classes:
            hit |= (patches == label).any(dim=1)
        return hit

    return torch.stack([any_of([1]) & any_of([10, 0]) if group is None else any_of(group) for group in GROUPS])


def crfr_p(groups):
    """[groups, patches] booleans -> (mask, covered region), two [patches] booleans."""
    count = groups.shape[1]
    budget = int(count * RATIO)
    chosen = random.choice([g for g in range(FACIAL) if groups[g].any()])
    covered = groups[chosen].clone()
    inside = int(covered.sum())
    mask = covered.clone()
    if inside >= budget:
        members = torch.nonzero(mask).flatten()
        mask[members[torch.randperm(inside)[:inside - budget]]] = False
        return mask, mask.clone()
    rate = (budget - inside) / (count - inside)
    assigned = covered.clone()
    for g in range(len(GROUPS)):
        if g == chosen:
            continue
        candidates = torch.nonzero(groups[g] & ~assigned).flatten()
        assigned |= groups[g]
        mask[candidates[torch.randperm(len(candidates))[:round(rate * len(candidates))]]] = True
    surplus = int(mask.sum()) - budget
    pool = torch.nonzero((mask if surplus > 0 else ~mask) & ~covered).flatten()
    mask[pool[torch.randperm(len(pool))[:abs(surplus)]]] = surplus < 0
    return mask, covered


def collate(maps):
    batch = torch.stack(maps).unsqueeze(1).float()
    patches = torch.nn.functional.unfold(batch, PATCH, stride=PATCH).transpose(1, 2)  # [B, patches, PATCH * PATCH]
    drawn = [crfr_p(presence(image)) for image in patches]
    return torch.stack([mask for mask, _ in drawn]), torch.stack([region for _, region in drawn])


def main():
    torch.set_num_threads(1)
    random.seed(11)
    torch.manual_seed(11)
    maps = [synthetic_map(random) for _ in range(BATCH)]
    assert (collate(maps)[0].sum(dim=1) == int((SIDE // PATCH) ** 2 * RATIO)).all()
    common.main("masks", "PyTorch", [("256 parsing maps to crfr-p masks", lambda: collate(maps))])


if __name__ == "__main__":
    main()
