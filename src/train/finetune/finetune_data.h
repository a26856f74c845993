// What a detector learns from: folders to classes, domains, and a validation set that shares no video with the training
// set.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "media/preprocess.h"
#include "train/finetune/finetune_recipe.h"
#include "train/run_samples.h"

namespace fsfm {

// A dataset and how its labels become the model's classes.
struct LabelledData {
  std::shared_ptr<const Dataset> dataset;
  std::vector<int> label_map;    // dataset label -> model class
  std::vector<uint8_t> genuine;  // dataset label -> 1 when genuine
};

struct FinetuneData {
  LabelledData train, validation;
  std::vector<std::string> classes, attack_classes;  // of the model, in logit order
  std::string meaning;                               // of the data's classes: "real: live; attack: print, replay"
  std::vector<std::string> warnings;                 // odd folders, files shared by training and validation
  std::string validation_source;                     // "val split", "held-out videos", "--val-data"; says when the
                                                     // fakes among them are self-blended
};

// With --self-blend, validation data of real faces alone gets fakes made of them, the same in every run. dfd and diff
// learn {fake, real}, fas {spoof, live}, multi every class of the data. Throws Error when a class is
// missing. `samples` opens the folders; null: as they are.
FinetuneData open_finetune_data(const FinetuneRecipe& recipe, RunSamples* samples = nullptr);

// About as many indices as there are samples, in which every class occurs equally often, and within a class each source
// (dataset) in proportion to the square root of its size: a large source does not drown the small ones, and a small one
// is not learnt by heart. What is drawn of a source depends on the seed and the epoch alone; over the epochs all of it
// is.
std::vector<size_t> balanced_indices(const LabelledData& data, uint64_t seed, int epoch);

// `steps` batches, each holding `per_class` genuine and as many attack samples of every domain (the part of a video's
// identity before the first '/'), drawn without repetition until a queue is empty, then reshuffled. The two halves of a
// batch, its thirds, ... are balanced too where `per_class` allows, so that processes can share it. Depends on the seed
// and the epoch alone. Throws Error when a domain lacks one of the two.
std::vector<size_t> domain_balanced_indices(const LabelledData& data, int per_class, int64_t steps, uint64_t seed,
                                            int epoch);
int count_domains(const Dataset& dataset);

}  // namespace fsfm
