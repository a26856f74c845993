#include "model/model_file.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "tensorio/json.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

using nlohmann::json;

constexpr const char* kCardKey = "fsfm.card";
constexpr int kFormat = 1;

// Walks the keys of a card: each taken key is type-checked and removed, so that what remains is `extra`.
class CardReader {
 public:
  explicit CardReader(const json& card) : rest_(card) {
    if (!card.is_object())
      throw Error(ErrorCode::damaged, "the model card is no JSON object", "write the file again with fsfm");
  }

  // Leaves `value` alone when the key is absent or null.
  template <class T>
  void take(const char* key, T& value) {
    const auto found = rest_.find(key);
    if (found == rest_.end()) return;
    try {
      if (!found->is_null()) value = found->template get<T>();
    } catch (const json::exception&) {
      throw Error(ErrorCode::damaged, std::string("the model card's '") + key + "' has the wrong type");
    }
    rest_.erase(found);
  }
  template <class T>
  void take(const char* key, std::optional<T>& value) {
    if (rest_.contains(key) && !rest_[key].is_null()) take(key, value.emplace());
    rest_.erase(key);
  }
  json rest() && { return std::move(rest_); }

 private:
  json rest_;
};

void check(bool good, const char* key, const char* what) {
  if (!good) throw Error(ErrorCode::damaged, std::string("the model card's '") + key + "' " + what);
}

void check_card(const ModelCard& card) {
  check(card.format == kFormat, "format", "is newer than this program: update fsfm");
  for (int c = 0; c < 3; ++c) {
    check(std::isfinite(card.mean[c]), "mean", "is not finite");
    check(std::isfinite(card.std[c]) && card.std[c] > 0, "std", "is not positive");
  }
  check(std::isfinite(card.crop_scale) && card.crop_scale > 0 && card.crop_scale <= 10, "crop_scale",
        "is not in (0, 10]");
  check(std::isfinite(card.temperature) && card.temperature > 0, "temperature", "is not positive");
  check(!card.threshold || (*card.threshold >= 0 && *card.threshold <= 1), "threshold", "is not in [0, 1]");
  check(
      !card.abstain || ((*card.abstain)[0] >= 0 && (*card.abstain)[0] <= (*card.abstain)[1] && (*card.abstain)[1] <= 1),
      "abstain", "is not a range inside [0, 1]");
  for (const auto& name : card.attack_classes)
    check(std::find(card.classes.begin(), card.classes.end(), name) != card.classes.end(), "attack_classes",
          "names an unknown class");
}

// The file to read for what the user named; an index for sharded models.
fs::path resolve(const fs::path& path) {
  if (fs::is_directory(path)) {
    std::vector<fs::path> indexes, singles;
    for (const auto& entry : fs::directory_iterator(path)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".safetensors.index.json")) indexes.push_back(entry.path());
      if (name.ends_with(".safetensors")) singles.push_back(entry.path());
    }
    if (indexes.size() == 1) return indexes[0];
    if (indexes.empty() && singles.size() == 1) return singles[0];
    throw Error(
        path.string() + (indexes.empty() && singles.empty() ? " holds no model file" : " holds several model files"),
        "name the .safetensors file itself");
  }
  if (!fs::exists(path) && fs::exists(shard_index_path(path))) return shard_index_path(path);
  return path;
}

}  // namespace

json ModelCard::to_json() const {
  json card = extra.is_object() ? extra : json::object();
  card["format"] = format;
  card["name"] = name;
  card["kind"] = kind;
  card["architecture"] = architecture;
  card["config"] = config;
  card["task"] = task;
  card["classes"] = classes;
  card["attack_classes"] = attack_classes;
  card["mean"] = mean;
  card["std"] = std;
  card["face_detector"] = face_detector;
  card["crop_scale"] = crop_scale;
  card["resize"] = resize;
  card["threshold"] = threshold ? json(*threshold) : json();
  card["threshold_source"] = threshold_source;
  card["temperature"] = temperature;
  card["abstain"] = abstain ? json(*abstain) : json();
  card["calibration"] = calibration;
  card["training"] = training;
  card["metrics"] = metrics;
  card["licence"] = licence;
  return card;
}

ModelCard ModelCard::from_json(const json& value) {
  CardReader reader(value);
  ModelCard card;
  reader.take("format", card.format);
  reader.take("name", card.name);
  reader.take("kind", card.kind);
  reader.take("architecture", card.architecture);
  reader.take("config", card.config);
  reader.take("task", card.task);
  reader.take("classes", card.classes);
  reader.take("attack_classes", card.attack_classes);
  reader.take("mean", card.mean);
  reader.take("std", card.std);
  reader.take("detector", card.face_detector);  // cards before 0.2
  reader.take("face_detector", card.face_detector);
  reader.take("crop_scale", card.crop_scale);
  reader.take("resize", card.resize);
  reader.take("threshold", card.threshold);
  reader.take("threshold_source", card.threshold_source);
  reader.take("temperature", card.temperature);
  reader.take("abstain", card.abstain);
  reader.take("calibration", card.calibration);
  reader.take("training", card.training);
  reader.take("metrics", card.metrics);
  reader.take("licence", card.licence);
  card.extra = std::move(reader).rest();
  check_card(card);
  return card;
}

std::string whole_view(int side) { return "pillow-bicubic-" + std::to_string(side); }

std::string published_view(int side) {
  if (side > 224) return whole_view(side);
  return "pillow-bicubic-" + std::to_string(side * 256 / 224) + "-crop-" + std::to_string(side);
}

ModelFile ModelFile::open(const fs::path& path, bool card_required) {
  const fs::path file = resolve(path);
  return ModelFile(file, file.extension() == ".json" ? read_sharded_safetensors(file) : read_safetensors(file),
                   card_required);
}

ModelFile ModelFile::from_bytes(std::span<const std::byte> bytes, const std::string& name, bool card_required) {
  return ModelFile(name, parse_safetensors(bytes, name), card_required);
}

ModelFile::ModelFile(fs::path path, TensorFile file, bool card_required)
    : path_(std::move(path)), tensors_(std::move(file.tensors)), keep_alive_(std::move(file.keep_alive)) {
  const auto card = file.metadata.find(kCardKey);
  if (card != file.metadata.end()) {
    const std::string name = path_.string();
    const json document = parse_json(card->second, name + ": model card", "write the file again with fsfm");
    try {
      card_ = ModelCard::from_json(document);
    } catch (const Error& error) {
      throw error.in(name);
    }
    has_card_ = true;
  } else if (card_required) {
    throw Error(ErrorCode::unsupported,
                path_.string() + " has no model card (weights alone do not say how to use them)",
                "make a model file with fsfm convert, fsfm pretrain or fsfm finetune");
  }
}

const TensorView& ModelFile::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    throw Error(ErrorCode::damaged, path_.string() + " lacks the tensor '" + name + "'",
                "see fsfm info " + path_.string());
  return found->second;
}

void write_model(const fs::path& path, const ModelCard& card, const TensorMap& tensors, uint64_t max_shard_bytes) {
  ModelCard named = card;
  if (named.name.empty()) named.name = path.stem().string();
  check_card(named);
  const Metadata metadata = {{kCardKey, named.to_json().dump(-1, ' ', false, json::error_handler_t::replace)},
                             {"format", "pt"}};
  write_sharded_safetensors(path, tensors, metadata, max_shard_bytes);
}

}  // namespace fsfm
