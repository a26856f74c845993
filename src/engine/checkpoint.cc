#include "engine/checkpoint.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "engine/fsfm_layout.h"
#include "engine/vit_layout.h"
#include "tensorio/json.h"
#include "tensorio/npy.h"
#include "tensorio/pth.h"
#include "tensorio/safetensors.h"
#include "tensorio/zip.h"

namespace fsfm {
namespace {

using nlohmann::json;

constexpr const char* kSideCar = "pretrain_ds_mean_std.txt";

// The authors' anti-spoofing models wrap the transformer and its head in three modules; here their parameters have the
// names of every other detector's. A no-op for anything else.
TensorMap without_fas_wrapper(TensorMap tensors) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"backbone.vit.", ""},
      {"embedder.bottleneck_layer_fc.", "head.bottleneck."},
      {"embedder.bottleneck_layer.0.", "head.bottleneck."},  // the same layer under its second name
      {"classifier.classifier_layer.", "head.classifier."}};
  if (!tensors.contains("backbone.vit.cls_token")) return tensors;
  TensorMap renamed;
  for (auto& [name, tensor] : tensors) {
    std::string own = name;
    for (const auto& [theirs, ours] : kNames)
      if (name.starts_with(theirs)) own = std::string(ours) + name.substr(theirs.size());
    renamed.insert_or_assign(std::move(own), std::move(tensor));
  }
  return renamed;
}

Weights read_checkpoint(const fs::path& path) {
  const PthFile file = read_pth(path);
  Weights weights{
      .format = "PyTorch checkpoint", .tensors = without_fas_wrapper(state_dict(file)), .keep_alive = file.keep_alive};
  weights.source = json::object();
  if (file.root().is(PickleValue::Kind::dict))
    for (const auto& [key, value] : file.root().entries) {
      // Optimiser state is long and of no use to a reader.
      const bool plain =
          key->is(PickleValue::Kind::string) && !value->is(PickleValue::Kind::tensor) && key->text != "optimizer";
      if (plain && !value->find("cls_token")) weights.source[key->text] = pickle_to_json(*value, 4);
    }
  for (const char* key : {"model", "state_dict", "model_state_dict", "net", "module"}) weights.source.erase(key);
  return weights;
}

Weights read_array(const fs::path& path) {
  auto tensor = std::make_shared<HostTensor>(read_npy(path));
  return {.format = "NumPy array", .tensors = {{path.stem().string(), tensor->view()}}, .keep_alive = {tensor}};
}

// Fills mean and std; returns where they come from.
std::string read_mean_std(const fs::path& file, ModelCard& card) {
  const json document = parse_json(read_file(file, 1 << 16), file.string(),
                                   "expected one line {\"mean\": [3 numbers], \"std\": [3 numbers]}");
  try {
    card.mean = document.at("mean").get<std::array<float, 3>>();
    card.std = document.at("std").get<std::array<float, 3>>();
  } catch (const json::exception&) {
    throw Error(file.string() + " does not hold mean and std",
                "expected one line {\"mean\": [3 numbers], \"std\": [3 numbers]}");
  }
  return file.filename().string();
}

bool has_nonfinite(const TensorView& tensor) {
  if (tensor.dtype != DType::f32 && tensor.dtype != DType::f64 && tensor.dtype != DType::f16 &&
      tensor.dtype != DType::bf16)
    return false;
  const std::vector<float> values = tensor.to_float();
  return std::any_of(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
}

}  // namespace

Weights read_weights(const fs::path& path) {
  if (is_plain_file(path) && path.extension() != ".json") {
    const MappedFile file(path);
    const std::span<const std::byte> start = file.bytes().first(std::min<size_t>(file.bytes().size(), 16));
    auto begins = [&](std::string_view magic) {
      return start.size() >= magic.size() && std::memcmp(start.data(), magic.data(), magic.size()) == 0;
    };
    if (!is_safetensors(start, file.bytes().size())) {
      const std::string extension = path.extension().string();
      if (ZipReader::is_zip(start) || begins("\x80")) return read_checkpoint(path);
      if (begins("\x93NUMPY")) return read_array(path);
      if (extension == ".pth" || extension == ".pt") return read_checkpoint(path);  // for its words on what is wrong
      if (extension == ".npy") return read_array(path);
    }
  }
  ModelFile model = ModelFile::open(path, false);
  Weights weights{.tensors = without_fas_wrapper(model.tensors()),
                  .has_card = model.has_card(),
                  .card = model.card(),
                  .keep_alive = model.keep_alive()};
  const bool sharded = model.path().extension() == ".json";
  weights.format = std::string(sharded ? "sharded " : "") + (model.has_card() ? "model file" : "safetensors");
  return weights;
}

ModelCard make_card(const Weights& weights, const fs::path& path, const ImportOptions& options) {
  json heads = {{"decoder_num_heads", options.decoder_heads}, {"rep_decoder_num_heads", options.decoder_heads}};
  if (options.heads > 0) heads["num_heads"] = options.heads;
  const VitLayout layout = infer_vit_layout(weights.tensors, heads);
  ModelCard card;
  card.training = {{"imported_from", path.filename().string()}, {"format", weights.format}};
  if (!weights.source.empty()) card.training["source"] = weights.source;
  card.licence = "that of the imported weights: ask their source";
  if (weights.tensors.contains("rep_decoder_embed.weight")) {
    card.kind = "pretrain";
    card.architecture = "fsfm";
    card.config = infer_fsfm_config(weights.tensors, heads);
    const int width = card.config.value("decoder_embed_dim", 0);  // 0: a target network
    if (options.decoder_heads < 1 || width % options.decoder_heads != 0)
      throw Error(fmt::format("{} heads do not divide the pixel decoder's width {}", options.decoder_heads, width),
                  "state them: --decoder-heads");
  } else {
    card.kind = layout.num_classes > 0 ? "detector" : "pretrain";
    card.architecture = "vit";
    card.config = layout.to_config();
  }
  if (card.kind == "detector") {
    const bool fas = options.task.empty() ? layout.global_pool == "fas" : options.task == "fas";
    const std::string attack = fas ? "spoof" : "fake", genuine = fas ? "live" : "real";
    card.task = !options.task.empty() ? options.task : fas ? "fas" : "dfd";
    card.classes = options.classes.empty() ? std::vector{attack, genuine} : options.classes;
    card.attack_classes = options.classes.empty() ? std::vector{attack} : options.attack_classes;
    card.training["class_order"] = options.classes.empty()
                                       ? fmt::format("assumed: as the authors train ({} = 0, {} = 1)", attack, genuine)
                                       : "stated at import";
    if (static_cast<int>(card.classes.size()) != layout.num_classes)
      throw Error(
          fmt::format("{} has {} classes, but {} are named", path.string(), layout.num_classes, card.classes.size()),
          "name all of them in logit order: --classes");
  }
  const int size = layout.img_size;
  card.resize = fmt::format("pillow-bicubic-{}-crop-{}", static_cast<int>(std::lround(size * 256.0 / 224.0)), size);
  const fs::path side_car = !options.mean_std.empty() ? options.mean_std : path.parent_path() / kSideCar;
  card.training["mean_std"] =
      !options.mean_std.empty() || path_exists(side_car) ? read_mean_std(side_car, card) : "assumed: ImageNet";
  return card;
}

std::vector<std::string> nonfinite_tensors(const TensorMap& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors)
    if (has_nonfinite(tensor)) names.push_back(name);
  return names;
}

}  // namespace fsfm
