// A prepared dataset of tar shards.
#pragma once

#include <filesystem>
#include <memory>

#include "data/dataset.h"
#include "data/store/manifest.h"

namespace fsfm {

// Maps every shard that the manifest in `dir` lists. Throws Error (missing shard, stale index, lying offsets).
std::unique_ptr<Dataset> open_shards(const std::filesystem::path& dir, const Manifest& manifest);

}  // namespace fsfm
