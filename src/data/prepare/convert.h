// A prepared dataset from one form into the other, without looking for faces again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "data/dataset.h"
#include "data/store/manifest.h"

namespace fsfm {

// Is `dir` already a prepared dataset (manifest.json) or one of the authors' folders?
bool is_prepared(const std::filesystem::path& dir);

// Copies every sample of `dataset` into `out` as "shards" or "folders": pictures byte for byte (as PNG where the
// folders ask for it), class maps, labels, videos. Throws Error when `out` already holds a dataset or a picture is
// broken.
Manifest convert_dataset(const Dataset& dataset, const std::filesystem::path& out, const std::string& format,
                         const nlohmann::json& made, const std::function<void(uint64_t, uint64_t)>& progress = {});

}  // namespace fsfm
