// Runs a detector over every face crop of a dataset. No libtorch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "media/image.h"
#include "media/preprocess.h"
#include "model/model_file.h"

namespace fsfm {

// What the network said of each sample, before temperature and softmax: everything an evaluation needs.
struct ScoredDataset {
  std::string name;
  std::vector<std::string> attack_classes;         // of the dataset
  std::vector<std::string> keys, classes, videos;  // [N] one a sample; `classes` are the dataset's names
  std::vector<int> labels;                         // [N] 1 = attack
  std::vector<float> logits;                       // [N, model classes]
  std::vector<std::string> unreadable;             // one message for each picture left out
  bool complete = true;                            // false when it was stopped: the samples so far
  size_t size() const { return labels.size(); }
};

// images [batch, 3, S, S] -> logits [batch, classes]; VitEngine::logits has this form.
using LogitFunction = std::function<std::vector<float>(std::span<const float> images, int batch)>;

struct ScoreOptions {
  int batch_size = 16;
  int threads = 0;                                           // for decoding and resizing
  std::vector<std::string> attack_classes{};                 // empty = the dataset's own
  std::vector<size_t> only{};                                // these samples, in this order; empty = all
  std::function<Image(const Image&, size_t index)> alter{};  // degrades each crop before the transform; may be empty
  std::string progress_label{};
  bool show_progress = false;
  std::stop_token stop{};  // ends early: the samples so far, `complete` false
};

// Called with each batch of network input, images [B, 3, S, S], and the position of each face in the dataset.
using UseFaces = std::function<void(std::span<const float> images, std::span<const size_t> indices)>;

// Reads the faces, calls `use` batch by batch in dataset order, and lists them in a result without logits. Throws as
// score_dataset.
ScoredDataset read_faces(const Dataset& dataset, const Transform& transform, const Normalization& normalization,
                         const ScoreOptions& options, const UseFaces& use);

// The card gives transform, mean and std. A picture that cannot be read is left out and reported. Throws Error when
// none can be read, when a face is unlabelled and when `attack_classes` names a class that the dataset does not have.
ScoredDataset score_dataset(const Dataset& dataset, const ModelCard& card, const LogitFunction& network,
                            const ScoreOptions& options);

// A seeded draw of `count` faces in dataset order, as many attacks as real ones while both last (every figure needs
// both); empty, which means all, when `count` is 0 or too large. `attack_classes` as in ScoreOptions.
std::vector<size_t> draw_faces(const Dataset& dataset, const std::vector<std::string>& attack_classes, size_t count,
                               uint64_t seed);

// 1 for each class of the card that means "attack". Throws Error when none or all do.
std::vector<uint8_t> attack_mask(const ModelCard& card);

}  // namespace fsfm
