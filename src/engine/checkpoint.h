// Other people's weights as our model files: what they are is read from their shapes, what shapes cannot say is asked
// for.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tensorio/model_file.h"

namespace fsfm {

// Tensors of any file we read, with what came along.
struct Weights {
  std::string format{};  // "model file", "safetensors", "sharded safetensors", "PyTorch checkpoint", "NumPy array"
  TensorMap tensors{};
  bool has_card = false;
  ModelCard card{};
  nlohmann::json source{};  // of a checkpoint: everything beside the weights (epoch, args, ...), as plain data
  std::vector<std::shared_ptr<const void>> keep_alive{};
};

// Recognises the format by content, not by name; a folder may hold one model. Parameters have timm's names, also those
// of the authors' anti-spoofing models, whose head is then `head.bottleneck`, `head.classifier`. Throws Error (file, what is wrong, way
// out).
Weights read_weights(const std::filesystem::path& path);

struct ImportOptions {
  std::vector<std::string> classes;         // logit order; empty = the authors' fake, real (fas: spoof, live)
  std::vector<std::string> attack_classes;  // must be given with `classes`
  std::string task;                         // of a detector; "" = by its head: fas or dfd
  std::filesystem::path mean_std;           // "" = pretrain_ds_mean_std.txt beside the checkpoint, if there is one
  int heads = 0;                            // attention heads; 0 = by width
  int decoder_heads = 16;                   // of both decoders of a pretraining network
};

// The card that makes `weights` (read from `path`) a model file: kind "detector" with a classification head, else
// "pretrain". Throws Error for weights that are no vision transformer of this family.
ModelCard make_card(const Weights& weights, const std::filesystem::path& path, const ImportOptions& options);

// Names of tensors that hold NaN or infinity.
std::vector<std::string> nonfinite_tensors(const TensorMap& tensors);

}  // namespace fsfm
