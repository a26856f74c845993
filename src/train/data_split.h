// Choosing what a run learns from and what it is judged on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "data/dataset.h"

namespace fsfm {

// Two datasets without a video in common.
struct Split {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> held_out;  // null when the fraction is 0 or too small for a single video
};

// Holds out whole videos, about `fraction` of each class (at least one video a class when it has two or more), drawn by
// `seed`: frames of one video never stand on both sides (method.md section 7.6).
Split hold_out_videos(std::shared_ptr<const Dataset> dataset, double fraction, uint64_t seed);

// All folders as one dataset. `split` and `stated` as in open_dataset.
std::shared_ptr<const Dataset> open_all(const std::vector<std::filesystem::path>& folders,
                                        const std::string& split = "", const ClassStatement& stated = {});

// What there is to learn from when splits are named: samples of "train" and of no split; everything if there are none
// (a single folder that is itself called test).
std::vector<size_t> training_indices(const Dataset& dataset);

// A seeded draw of `count` samples in dataset order; everything when count is 0 or too large.
std::shared_ptr<const Dataset> draw_samples(std::shared_ptr<const Dataset> dataset, int64_t count, uint64_t seed);

// For model cards: name, samples, videos, samples a class and a hash over the sorted sample keys.
nlohmann::json manifest_of(const Dataset& dataset);

// The face detector that the dataset's crops were made with, as its preparation noted; "" when nobody knows. For model
// cards: faces are to be found the way those of the training data were.
std::string face_detector_of(const Dataset& dataset);

}  // namespace fsfm
