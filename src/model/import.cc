#include "model/import.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <iterator>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "model/fsfm_layout.h"
#include "model/import_classes.h"
#include "model/import_fold.h"
#include "model/import_names.h"
#include "model/vit_layout.h"
#include "tensorio/json.h"
#include "tensorio/not_weights.h"
#include "tensorio/npy.h"
#include "tensorio/pth.h"
#include "tensorio/safetensors.h"
#include "tensorio/zip.h"

namespace fsfm {
namespace {

using nlohmann::json;

constexpr const char* kAssumed = "assumed: ";  // in front of what nobody stated

Weights read_checkpoint(const fs::path& path) {
  const PthFile file = read_pth(path);
  const auto tensors = named_tensors(file);
  if (tensors.empty())
    throw Error(path.string() + " holds no weights: " + file.root().describe(1, 160),
                file.root().find("_modules") ? "it is a whole module: save its state_dict() instead"
                                             : "expected a dict of tensors, or one under 'model' or 'state_dict'");
  Weights weights{.format = "PyTorch checkpoint", .keep_alive = {file.storages, file.pickle}};
  std::set<std::string> holders;  // entries of the root that hold tensors
  for (const auto& [name, value] : tensors) {
    holders.insert(name.substr(0, name.find('.')));
    if (file.compressed(*value)) weights.compressed.push_back(name);
    weights.tensors.emplace(name, file.compressed(*value) ? value->tensor : file.load(*value));
  }
  weights.load = [file, tensors](const std::string& name) { return file.load(*tensors.at(name)); };
  weights.source = json::object();
  for (const auto& [key, value] : file.root().entries) {
    const bool plain = key->is(PickleValue::Kind::string) && !value->is(PickleValue::Kind::tensor);
    // Optimiser state is long and of no use to a reader.
    if (plain && key->text != "optimizer" && !holders.contains(key->text))
      weights.source[key->text] = pickle_to_json(*value, 4);
  }
  return weights;
}

// pytorch_model.bin.index.json and the checkpoints it names in the same folder.
Weights read_sharded_checkpoint(const fs::path& index) {
  constexpr const char* kHint = "copy all shards beside the index";
  const json document = parse_json(read_file(index, 64 << 20), index.string(), kHint);
  if (!document.is_object() || !document.contains("weight_map") || !document["weight_map"].is_object())
    throw Error(index.string() + " has no weight_map", kHint);
  std::set<std::string> names;
  for (const auto& [tensor, shard] : document["weight_map"].items()) {
    const std::string name = shard.is_string() ? shard.get<std::string>() : "";
    if (name.empty() || fs::path(name).filename() != name || name == "..")
      throw Error(index.string() + ": tensor '" + tensor + "' names a shard that is no plain file name");
    names.insert(name);
  }
  Weights all{.format = "sharded PyTorch checkpoint"};
  std::map<std::string, std::function<TensorView(const std::string&)>> loaders;
  for (const auto& name : names) {
    Weights shard = read_checkpoint(index.parent_path() / name);
    for (const auto& [tensor, view] : shard.tensors) loaders.emplace(tensor, shard.load);
    all.tensors.merge(shard.tensors);
    all.compressed.insert(all.compressed.end(), shard.compressed.begin(), shard.compressed.end());
    all.keep_alive.insert(all.keep_alive.end(), shard.keep_alive.begin(), shard.keep_alive.end());
  }
  all.load = [loaders](const std::string& name) { return loaders.at(name)(name); };
  return all;
}

Weights read_array(const fs::path& path) {
  auto tensor = std::make_shared<HostTensor>(read_npy(path));
  return {.format = "NumPy array", .tensors = {{path.stem().string(), tensor->view()}}, .keep_alive = {tensor}};
}

// A folder as Hugging Face and others publish it: one .bin or .pth where there is no safetensors file.
fs::path checkpoint_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : folder_entries(folder)) {
    const std::string extension = entry.extension().string();
    if (extension == ".safetensors") return folder;
    if (entry.filename() == "pytorch_model.bin") return entry;
    if (entry.string().ends_with(".bin.index.json")) return entry;
    if (extension == ".bin" || extension == ".pth" || extension == ".pt") found.push_back(entry);
  }
  return found.size() == 1 ? found[0] : folder;
}

// Who made a ViT-Small, which alone comes with 6 and with 12 heads: 0 when nothing tells.
int heads_by_origin(const Weights& file, const NetworkNames& network, std::string& why) {
  const auto text = [&](const json& value, const char* key) {
    return value.is_object() && value.contains(key) && value[key].is_string() ? value[key].get<std::string>() : "";
  };
  const json args = file.source.is_object() && file.source.contains("args") ? file.source["args"] : json();
  const std::string model = text(args, "model"), arch = text(args, "arch") + text(file.source, "arch");
  const std::string& anchor = network.names.at("cls_token");
  const auto from = [&](const char* word) { return anchor.find(word) != std::string::npos; };
  if (network.names.contains("rep_decoder_embed.weight") || network.names.contains("head.bottleneck.weight") ||
      model.starts_with("fsfm") || model == "vit_small_patch16") {
    why = "as the authors of FSFM build this width";
    return 12;
  }
  if (from("base_encoder.") || from("momentum_encoder.")) {
    why = "as MoCo v3 builds this width";
    return 12;
  }
  for (const auto& name : {model, arch})
    if (name.starts_with("vit_small_patch16_224") || name.starts_with("deit_small")) {
      why = "as timm builds " + name;
      return 6;
    }
  if (arch == "vit_small" && (from("teacher.") || from("student."))) {
    why = "as DINO builds this width";
    return 6;
  }
  return 0;
}

bool has_nonfinite(const TensorView& tensor) {
  if (tensor.dtype != DType::f32 && tensor.dtype != DType::f64 && tensor.dtype != DType::f16 &&
      tensor.dtype != DType::bf16)
    return false;
  if (tensor.bytes.empty()) return false;
  const std::vector<float> values = tensor.to_float();
  return std::any_of(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
}

}  // namespace

Weights read_weights(const fs::path& named) {
  const fs::path path = is_folder(named) ? checkpoint_in(named) : named;
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
      // For its words on what is wrong.
      if (extension == ".pth" || extension == ".pt" || extension == ".bin" || extension == ".tar")
        return read_checkpoint(path);
      if (extension == ".npy") return read_array(path);
      if (extension != ".safetensors") throw not_weights(path.string(), file.bytes(), "file of weights");
    }
  }
  if (path.string().ends_with(".bin.index.json")) return read_sharded_checkpoint(path);
  ModelFile model = ModelFile::open(path, false);
  Weights weights{
      .tensors = model.tensors(), .has_card = model.has_card(), .card = model.card(), .keep_alive = model.keep_alive()};
  const bool sharded = model.path().extension() == ".json";
  weights.format = std::string(sharded ? "sharded " : "") + (model.has_card() ? "model file" : "safetensors");
  if (!model.has_card() && !sharded)
    for (const auto& [key, text] : read_safetensors(model.path()).metadata)
      if (is_class_key(key)) weights.source[key] = parse_json_or_discard(text);
  return weights;
}

Weights import_weights(const fs::path& path, const ImportRequest& request) {
  return import_weights(read_weights(path), path, request);
}

Weights import_weights(Weights file, const fs::path& path, const ImportRequest& request) {
  const std::string source = path.string();
  const fs::path folder = is_folder(path) ? path : path.parent_path();
  if (file.has_card) {
    if (!request.key.empty()) throw Error(source + " is a model file with one network", "leave out --weights-key");
    if (request.num_heads > 0 && file.card.config.contains("num_heads") &&
        file.card.config["num_heads"] != request.num_heads)
      throw Error(source + ": its card says " + file.card.config["num_heads"].dump() + " attention heads",
                  "leave out --num-heads");
    file.facts.config = file.card.config.is_object() ? file.card.config : json::object();
    if (request.num_heads > 0) file.facts.config["num_heads"] = request.num_heads;
    return file;
  }
  if (may_be_of_huggingface(file.tensors)) refuse_other_families(folder);
  NetworkNames network = choose_network(file.tensors, source, request.key, request.with_head);
  Weights result{.format = file.format, .source = file.source, .keep_alive = file.keep_alive};
  result.notes = std::move(network.notes);
  const std::set<std::string> compressed(file.compressed.begin(), file.compressed.end());
  for (const auto& [name, from] : network.names) {
    const DType dtype = file.tensors.at(from).dtype;
    if (dtype != DType::f32 && dtype != DType::f64 && dtype != DType::f16 && dtype != DType::bf16)
      throw Error(source + ": tensor '" + from + "' holds numbers of type " + dtype_name(dtype),
                  "quantised weights are not computed here: save them as floats");
    result.tensors.emplace(name, request.values && compressed.contains(from) ? file.load(from) : file.tensors.at(from));
  }
  try {
    if (const auto head = result.tensors.find("head.weight");
        head != result.tensors.end() && !head->second.shape.empty())
      result.outputs = static_cast<int>(std::min<int64_t>(head->second.shape[0], 1 << 20));
    if (!request.with_head && result.outputs == 1) {  // what it says yes to is not known
      result.tensors.erase("head.weight");
      result.tensors.erase("head.bias");
      result.notes.push_back("left out: the head, which has one output");
      result.outputs = 0;
    }
    FoldResult folded = fold_into_plain_vit(result.tensors, request.values);
    std::move(folded.keep_alive.begin(), folded.keep_alive.end(), std::back_inserter(result.keep_alive));
    std::move(folded.notes.begin(), folded.notes.end(), std::back_inserter(result.notes));
    const VitConfig seen = infer_vit_config(result.tensors, {{"num_heads", 1}});
    if (seen.num_classes > 0 && seen.global_pool == "avg" && result.tensors.contains("norm.weight"))
      throw Error("it has both 'norm' and 'fc_norm', and nothing says which of them the head stands on",
                  "take out the one that is not used");
    if (result.outputs == 0) result.outputs = seen.num_classes;
    result.facts = read_facts(folder, network.dialect, seen, request.with_head ? result.outputs : 0);
    result.authors_form = has_authors_form(network) && !result.facts.published;
    if (!result.facts.classes_named)
      if (StatedClasses stated = stated_classes(file.source, result.outputs); !stated.names.empty()) {
        result.facts.classes = std::move(stated.names);
        result.facts.class_source = "the file's '" + stated.key + "'";
      }
    std::move(result.facts.notes.begin(), result.facts.notes.end(), std::back_inserter(result.notes));
    std::string why = "config.json";
    json& config = result.facts.config;
    if (request.num_heads > 0) {
      config["num_heads"] = request.num_heads;
      why = "stated";
    } else if (!config.contains("num_heads")) {
      if (const auto usual = usual_heads(seen.embed_dim, seen.mlp_hidden())) {
        config["num_heads"] = *usual;
        why = fmt::format("assumed, the usual number for width {}; another is stated with --num-heads", seen.embed_dim);
      } else if (const int heads = seen.embed_dim == 384 ? heads_by_origin(file, network, why) : 0) {
        config["num_heads"] = heads;
        why += "; another is stated with --num-heads";
      }
    }
    const VitConfig layout = infer_vit_config(result.tensors, config);
    if (why != "config.json") result.notes.push_back(fmt::format("heads: {} ({})", layout.num_heads, why));
    if (layout.img_size != 224)
      result.notes.push_back(fmt::format("input: {} pixels, by the table of {} x {} positions", layout.img_size,
                                         layout.img_size / layout.patch_size, layout.img_size / layout.patch_size));
    if (request.with_head && layout.num_classes > 0 && layout.global_pool == "token")
      result.notes.push_back("features: the class token after 'norm'");
  } catch (const Error& error) {
    throw error.in(source);
  }
  return result;
}

ModelCard make_card(const Weights& weights, const fs::path& path, const CardOptions& options) {
  json heads = {{"decoder_num_heads", options.decoder_heads}, {"rep_decoder_num_heads", options.decoder_heads}};
  heads.update(weights.facts.config);
  const VitConfig layout = infer_vit_config(weights.tensors, heads);
  ModelCard card;
  card.training = {{"imported_from", path.filename().string()}, {"format", weights.format}};
  if (!weights.source.empty()) card.training["source"] = weights.source;
  if (!weights.notes.empty()) card.training["import"] = weights.notes;
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
    card.config = layout.to_json();
  }
  if (card.kind == "detector") {
    const bool fas = options.task.empty() ? layout.global_pool == "fas" : options.task == "fas";
    const std::string attack = fas ? "spoof" : "fake", genuine = fas ? "live" : "real";
    card.task = !options.task.empty() ? options.task : fas ? "fas" : "dfd";
    if (options.classes.empty() && weights.outputs == 2 && !weights.authors_form)
      throw Error(path.string() + ": its head has two outputs, and nothing says which of them means an attack",
                  "name both in the order of the outputs: --classes fake real, or --classes real fake (the wrong order "
                  "inverts every verdict)");
    card.classes = options.classes.empty() ? std::vector{attack, genuine} : options.classes;
    card.attack_classes = options.classes.empty() ? std::vector{attack} : options.attack_classes;
    if (weights.outputs == 1 && options.classes.size() != 2)
      throw Error(path.string() + ": its head has one output, and nothing says which class a high value means",
                  "name both, the one of low values first: --classes real fake when high values mean fake");
    card.training["class_order"] =
        options.classes.empty() ? fmt::format("{}as the authors train ({} = 0, {} = 1)", kAssumed, attack, genuine)
                                : options.class_source;
    if (static_cast<int>(card.classes.size()) != layout.num_classes)
      throw Error(
          fmt::format("{} has {} classes, but {} are named", path.string(), layout.num_classes, card.classes.size()),
          "name all of them in logit order: --classes (a classifier of other things is a start for fsfm finetune "
          "--init)");
  }
  card.resize = weights.facts.view.empty() ? published_view(layout.img_size) : weights.facts.view;
  ForeignFacts facts = weights.facts;
  if (!options.mean_std.empty()) read_mean_std(options.mean_std, facts);
  if (facts.mean && facts.std) {
    card.mean = *facts.mean;
    card.std = *facts.std;
  }
  card.training["mean_std"] = facts.mean ? facts.normalization_source : "assumed: ImageNet";
  return card;
}

std::string class_order_doubt(const ModelCard& card) {
  if (!card.training.is_object()) return "";
  const auto order = card.training.find("class_order");
  if (order == card.training.end() || !order->is_string() || !order->get<std::string>().starts_with(kAssumed))
    return "";
  return "the order of its classes (" + join(card.classes, ", ") +
         ") is assumed: if its verdicts are inverted, import it again with fsfm convert --classes";
}

std::vector<std::string> nonfinite_tensors(const TensorMap& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors)
    if (has_nonfinite(tensor)) names.push_back(name);
  return names;
}

}  // namespace fsfm
