// What stands beside a stranger's weights: Hugging Face's config.json and preprocessor_config.json, timm's config.json,
// the authors' pretrain_ds_mean_std.txt.
#pragma once

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/import_names.h"
#include "model/vit_layout.h"

namespace fsfm {

struct ForeignFacts {
  nlohmann::json config = nlohmann::json::object();  // "num_heads", "layer_norm_eps", where they are known
  std::vector<std::string> classes;                  // in logit order; empty when nothing names them
  bool classes_named = false;                        // false: transformers' LABEL_0, LABEL_1, which say nothing
  bool published = false;                            // config.json of timm describes the network
  std::string class_source = "config.json";          // where `classes` stand
  std::optional<std::array<float, 3>> mean, std;
  std::string normalization_source;  // the file that mean and std are from
  std::string view;                  // as ModelCard::resize; "" = the published one of the size
  std::vector<std::string> notes;    // one sentence each
};

inline constexpr const char* kMeanStdFile = "pretrain_ds_mean_std.txt";

// Throws Error when config.json in `folder` says that its weights are no plain vision transformer ("model_type":
// "swin").
void refuse_other_families(const std::filesystem::path& folder);

// `seen`: what the tensors show (its heads and epsilon do not count); `outputs`: of the head as the file has it, 0
// when the head is of no interest. Throws Error (file, key) where a file states
// another network than the tensors show, or something that cannot be computed (another activation, pooling, filter).
ForeignFacts read_facts(const std::filesystem::path& folder, Dialect dialect, const VitConfig& seen, int outputs);

// Reads {"mean": [3 numbers], "std": [3 numbers]} into `facts`.
void read_mean_std(const std::filesystem::path& file, ForeignFacts& facts);

}  // namespace fsfm
