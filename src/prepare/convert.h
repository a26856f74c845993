// A prepared dataset from one form into the other, without looking for faces again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "data/store/manifest.h"

namespace fsfm {

// Is `dir` already a prepared dataset (manifest.json) or one of the authors' folders?
bool is_prepared(const std::filesystem::path& dir);

// Copies every sample of `dataset` into the new folder `target` as "shards" or "folders": pictures byte for byte (as
// PNG where the folders ask for it), class maps, labels, videos. The folder appears whole; `progress(done, total)`
// returning false ends the work and leaves nothing (nullopt). Throws Error when `target` holds anything already,
// `target`.partial (where it is written) exists, or a picture is broken.
std::optional<Manifest> convert_dataset(const Dataset& dataset, const std::filesystem::path& target,
                                        const std::string& format, const nlohmann::json& made,
                                        const std::function<bool(uint64_t, uint64_t)>& progress = {});

}  // namespace fsfm
