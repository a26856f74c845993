// The model file: safetensors weights + a card that says everything needed to use them. The ONE thing that learning and
// using share. Goals: self-describing, readable by any safetensors library, safe to open from a stranger.
// Non-goals: holding optimiser state (see train/checkpoint.h), executing anything.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensorio/safetensors.h"

namespace fsfm {

// Serialised as JSON under the safetensors metadata key "fsfm.card". Unknown keys are kept in `extra` on reading.
struct ModelCard {
  int format = 1;
  std::string name;          // file stem by default
  std::string kind;          // "pretrain" | "detector" | "parser" | "face_detector"
  std::string architecture;  // "vit" | "fsfm" | "parsenet" | ...
  nlohmann::json
      config;        // architecture sizes: {"img_size":224,"patch_size":16,"embed_dim":192,"depth":12,"num_heads":3,
                     //  "mlp_ratio":4, "global_pool":"avg"|"token"|"fas", ...}; names of timm
  std::string task;  // "dfd" | "diff" | "fas" | "multi" | "" (pretrain)
  std::vector<std::string> classes;  // in logit order, e.g. {"fake","real"}
  std::vector<std::string>
      attack_classes;  // subset of classes that mean "attack": score = P(attack) = sum of their softmax
  std::array<float, 3> mean{.485f, .456f, .406f}, std{.229f, .224f, .225f};  // RGB, of pixels in [0,1]
  std::string face_detector = "dlib-hog";                                    // face detector the crops were made with
  double crop_scale = 1.3;                             // side of the square crop / larger side of the face box
  std::string resize = "pillow-bicubic-256-crop-224";  // transform from crop to network input
  std::optional<double> threshold;                     // attack if calibrated P(attack) >= threshold
  std::string threshold_source;                        // how and on which data it was chosen
  double temperature = 1.0;                            // logits / temperature before softmax
  std::optional<std::array<double, 2>> abstain;        // scores strictly inside (low, high) are "inconclusive"
  nlohmann::json calibration;                          // e.g. {"ece":..., "data":...}
  nlohmann::json training;  // recipe, data manifests (names, counts, hashes), licences, steps, seeds, date
  nlohmann::json metrics;   // reported figures with their data
  std::string licence;      // e.g. "weights: research use (trained on ...)"
  nlohmann::json extra;     // anything else found

  nlohmann::json to_json() const;
  // Throws Error naming the bad key.
  static ModelCard from_json(const nlohmann::json& json);
};

// ModelCard::resize of the published evaluation of a network that reads side x side pixels: up to 224, 7/8 of the
// middle of a resized crop ("pillow-bicubic-256-crop-224"); above, the whole crop.
std::string published_view(int side);
// The whole crop, as pretraining sees it: "pillow-bicubic-224".
std::string whole_view(int side);

// An opened model: card + tensors. Movable; keeps the file mapped. Reads one `.safetensors`, a sharded
// `*.safetensors.index.json`, or a folder that holds one of them. Thread-safe once opened.
class ModelFile {
 public:
  // Throws Error (file, reason, way out). A safetensors file without a card is an Error unless `card_required` is
  // false.
  static ModelFile open(const std::filesystem::path& path, bool card_required = true);

  // One `.safetensors` in memory, which must outlive the model; `name` stands for it in messages and as path().
  static ModelFile from_bytes(std::span<const std::byte> bytes, const std::string& name, bool card_required = true);

  const ModelCard& card() const { return card_; }
  bool has_card() const { return has_card_; }
  const TensorMap& tensors() const { return tensors_; }
  // Throws Error naming file and tensor when it is absent.
  const TensorView& tensor(const std::string& name) const;
  const std::filesystem::path& path() const { return path_; }
  // What keeps the tensors' bytes alive, for views that outlive this object.
  const std::vector<std::shared_ptr<const void>>& keep_alive() const { return keep_alive_; }

 private:
  ModelFile(std::filesystem::path path, TensorFile file, bool card_required);

  std::filesystem::path path_;
  ModelCard card_;
  bool has_card_ = false;
  TensorMap tensors_;
  std::vector<std::shared_ptr<const void>> keep_alive_;
};

// Atomic. Tensors larger than `max_shard_bytes` in sum are spread over `NAME-00001-of-00003.safetensors` + index.json.
void write_model(const std::filesystem::path& path, const ModelCard& card, const TensorMap& tensors,
                 uint64_t max_shard_bytes = uint64_t{4} << 30);

}  // namespace fsfm
