// Other people's weights as our model files, computed exactly or refused by name: what they are is read from their
// names, their shapes and the files beside them; what none of these say is asked for.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/import_config.h"
#include "model/model_file.h"

namespace fsfm {

// Tensors of any file we read, with what came along.
struct Weights {
  std::string format{};  // "model file", "safetensors", "sharded safetensors", "PyTorch checkpoint", "NumPy array"
  TensorMap tensors{};
  bool has_card = false;
  ModelCard card{};
  nlohmann::json source{};  // of a checkpoint: everything beside the weights (epoch, args, ...), as plain data
  std::vector<std::shared_ptr<const void>> keep_alive{};
  // Of a repacked checkpoint: tensors that show type and shape, while their bytes are read (inflated) by `load`.
  std::vector<std::string> compressed{};
  std::function<TensorView(const std::string& name)> load{};

  // Of an import: what stood beside the weights, and what was done to them, one sentence each.
  ForeignFacts facts{};
  std::vector<std::string> notes{};
  int outputs = 0;            // of the head as the file has it; 1: `tensors` holds the same head with two
  bool authors_form = false;  // import_classes.h: two unnamed outputs are then fake and real, in this order
};

// The tensors under the file's own names. Recognises the format by content, not by name; a folder may hold one model.
// Throws Error (file, what is wrong, way out).
Weights read_weights(const std::filesystem::path& path);

struct ImportRequest {
  std::string key{};      // which of several networks: "model_ema"; "" = the only one
  int num_heads = 0;      // 0 = what is known
  bool with_head = true;  // false: a start for training; a head that cannot be computed is left out
  bool values = true;     // false: names and shapes only, for a description
};

// A plain vision transformer under timm's names, from any file that holds one. Our own model files come as they are.
// Throws Error naming the tensor, key or number that stands in the way.
Weights import_weights(const std::filesystem::path& path, const ImportRequest& request);
Weights import_weights(Weights file, const std::filesystem::path& path, const ImportRequest& request);

struct CardOptions {
  std::vector<std::string> classes;         // logit order; empty = the authors' fake, real (fas: spoof, live), where
                                            // the network has their form; else an Error
  std::vector<std::string> attack_classes;  // must be given with `classes`
  std::string class_source = "stated at import";
  std::string task;                // of a detector; "" = by its head: fas or dfd
  std::filesystem::path mean_std;  // "" = what stands beside the checkpoint, if anything does
  int decoder_heads = 16;          // of both decoders of a pretraining network
};

// The card that makes imported `weights` (from `path`) a model file: kind "detector" with a classification head, else
// "pretrain". Throws Error for weights that are no vision transformer of this family.
ModelCard make_card(const Weights& weights, const std::filesystem::path& path, const CardOptions& options);

// One sentence where nobody stated the order of a detector's classes, so that its verdicts may be inverted; else "".
std::string class_order_doubt(const ModelCard& card);

// Names of tensors that hold NaN or infinity; those whose bytes are not read do not count.
std::vector<std::string> nonfinite_tensors(const TensorMap& tensors);

}  // namespace fsfm
