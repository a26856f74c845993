// fsfm info FILE [--json] [--tensors]
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "model/import.h"
#include "model/quantized.h"
#include "model/vit_layout.h"
#include "tensorio/json.h"
#include "tensorio/safetensors.h"

namespace fsfm::cli {
namespace {

using nlohmann::json;

struct Summary {
  int64_t parameters = 0;
  uint64_t bytes = 0;
  std::map<std::string, size_t> dtypes;  // tensors per type
};

Summary summarize(const TensorMap& tensors) {
  Summary summary;
  for (const auto& [name, tensor] : tensors) {
    summary.parameters += tensor.count();
    summary.bytes += static_cast<uint64_t>(tensor.count()) * dtype_size(tensor.dtype);
    ++summary.dtypes[dtype_name(tensor.dtype)];
  }
  return summary;
}

// What the weights are as a network: of our own files as they stand, of others as an import would read them.
struct Description {
  std::string architecture, head;
  std::vector<std::string> notes;  // what an import does or asks
};

std::string describe_head(const VitConfig& v, const Weights& weights) {
  if (v.num_classes == 0) return "none: features only; fsfm finetune adds one";
  std::string text = v.global_pool == "token" ? "class token" : "mean of the patch tokens";
  if (v.global_pool == "fas")
    text += " -> bottleneck -> weight-normalised linear (anti-spoofing)";
  else
    text += v.adapter ? " -> FS-Adapter beside it -> linear" : " -> linear";
  const int outputs = weights.outputs > 0 ? weights.outputs : v.num_classes;
  text += fmt::format(", {} output{}", outputs, outputs == 1 ? "" : "s");
  if (!weights.facts.classes.empty() && weights.facts.classes.size() <= 8)
    text += ": " + join(weights.facts.classes, ", ");
  else if (weights.card.classes.empty())
    text += ", not named in the file: fsfm convert --classes names them";
  return text;
}

Description describe_network(const std::filesystem::path& file, const Weights& found, const std::string& key) {
  Description result;
  const bool quantized = found.has_card && is_quantized(found.tensors);
  Weights weights = found;
  if (quantized) weights.tensors = without_scales(found.tensors);
  const auto networks = networks_inside(weights.tensors);
  if (networks.empty()) return result;
  if (networks.size() > 1 && key.empty()) {
    std::vector<std::string> keys;
    for (const auto& network : networks) keys.push_back(fmt::format("{} ({} tensors)", network.key, network.tensors));
    result.architecture =
        fmt::format("{} vision transformers: {}; --weights-key looks at one", networks.size(), join(keys, ", "));
    return result;
  }
  try {
    // Names and shapes are enough; nothing is inflated for them.
    const Weights network = import_weights(weights, file, {.key = key, .values = false});
    const nlohmann::json& config = weights.has_card ? weights.card.config : network.facts.config;
    const VitConfig v = infer_vit_config(network.tensors, config);
    result.architecture = fmt::format("vision transformer, {} px, patch {}, width {}, depth {}, {} heads", v.img_size,
                                      v.patch_size, v.embed_dim, v.depth, v.num_heads);
    if (v.layer_norm_eps != VitConfig::kLayerNormEps)
      result.architecture += fmt::format(", epsilon {:g}", v.layer_norm_eps);
    if (network.tensors.contains("decoder_embed.weight") && !network.tensors.contains("rep_decoder_embed.weight"))
      result.architecture += ", with the pixel decoder of pretraining";
    else if (network.tensors.contains("decoder_embed.weight"))
      result.architecture += ", with the decoders of the online pretraining network";
    else if (network.tensors.contains("rep_decoder_embed.weight"))
      result.architecture += ", with the decoder of the target pretraining network";
    if (quantized) result.architecture += ", its blocks' matrices in eight bits";
    result.head = describe_head(v, network);
    result.notes = network.notes;
  } catch (const Error& error) {
    std::string why = error.what();
    if (why.starts_with(file.string() + ": ")) why = why.substr(file.string().size() + 2);
    result.architecture = "vision transformer, but " + why;
  }
  return result;
}

// Files of ours that are no models say what they are in their metadata; "" for others.
std::string describe_purpose(const std::filesystem::path& file, const Weights& weights) {
  if (weights.format != "safetensors" || !is_plain_file(file)) return "";
  const auto metadata = read_safetensors(file).metadata;
  if (const auto state = metadata.find("fsfm.state"); state != metadata.end()) {
    const json values = parse_json_or_discard(state->second);
    std::string text = "training checkpoint";
    if (values.is_object() && values.contains("kind") && values["kind"].is_string())
      text += " of fsfm " + values["kind"].get<std::string>();
    if (values.is_object() && values.contains("step") && values["step"].is_number())
      text += fmt::format(" at step {}", values["step"].dump());
    return text + ": --resume goes on from it; the model file is written at the end of the run";
  }
  return "";
}

void line(const char* label, const std::string& value) {
  if (!value.empty()) std::printf("  %-15s %s\n", label, value.c_str());
}

// Figures to four digits after the first that counts.
json rounded(json value) {
  if (value.is_number_float()) return parse_json_or_discard(fmt::format("{:.5g}", value.get<double>()));
  if (value.is_structured())
    for (auto& part : value) part = rounded(std::move(part));
  return value;
}

std::string short_json(const json& value) {
  if (value.is_null() || value.empty()) return "";
  const std::string text = rounded(value).dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > 400 ? text.substr(0, 400) + "... (all of it: --json)" : text;
}

std::string numbers(const std::array<float, 3>& values) {
  return fmt::format("{:.4f} {:.4f} {:.4f}", values[0], values[1], values[2]);
}

void print_card(const ModelCard& card) {
  line("name", card.name);
  line("kind", card.kind + (card.task.empty() ? "" : ", task " + card.task));
  std::string classes;
  for (const auto& name : card.classes) {
    const bool attack =
        std::find(card.attack_classes.begin(), card.attack_classes.end(), name) != card.attack_classes.end();
    classes += (classes.empty() ? "" : ", ") + name + (attack ? " (attack)" : "");
  }
  line("classes", classes);
  line("mean / std", numbers(card.mean) + " / " + numbers(card.std));
  if (card.kind == "parser") {
    line("input", card.resize);
  } else {
    line("face crop", fmt::format("{}, {} times the box, {}", card.face_detector, card.crop_scale, card.resize));
  }
  if (card.kind == "detector") {
    line("threshold", card.threshold ? fmt::format("{:.4f}", *card.threshold) +
                                           (card.threshold_source.empty() ? "" : " (" + card.threshold_source + ")")
                                     : "none: 0.5 is used");
    if (card.abstain) line("undecided", fmt::format("{:.3f} to {:.3f}", (*card.abstain)[0], (*card.abstain)[1]));
    line("temperature", fmt::format("{:.4g}", card.temperature));
  }
  line("calibration", short_json(card.calibration));
  json figures = card.metrics;
  if (figures.is_object()) figures.erase("confusion");  // a table; --json has it
  line("metrics", short_json(figures));
  line("training", short_json(card.training));
  line("licence", card.licence);
  line("other", short_json(card.extra));
}

json to_json(const std::string& file, const Weights& weights, const Summary& summary, const Description& network) {
  json tensors = json::array();
  for (const auto& [name, tensor] : weights.tensors)
    tensors.push_back({{"name", name}, {"dtype", dtype_name(tensor.dtype)}, {"shape", tensor.shape}});
  return {{"file", file},
          {"format", weights.format},
          {"architecture", network.architecture},
          {"head", network.head},
          {"notes", network.notes},
          {"parameters", summary.parameters},
          {"bytes", summary.bytes},
          {"dtypes", summary.dtypes},
          {"card", weights.has_card ? weights.card.to_json() : json()},
          {"source", weights.source},
          {"tensors", tensors}};
}

}  // namespace

int run_info(int argc, char** argv) {
  std::filesystem::path file;
  bool as_json = false, list_tensors = false;
  Options options("info", "Show what a model file holds, or what is wrong with it");
  options
      .positional("FILE", file,
                  "a .safetensors, a *.safetensors.index.json, a folder with one, a .pth, a .bin or a .npy")
      .required();
  options.add("json", as_json, "print JSON, with the whole card and all tensors").command_line_only();
  std::string key;
  options.add("weights-key", key, "which network of a file that holds several, e.g. model_ema or teacher")
      .command_line_only();
  options.add("tensors", list_tensors, "list every tensor").command_line_only();
  options.footer(
      "Nothing in the file is ever run: a .pth from a stranger is safe to look at. Exit code 2 when the file is "
      "damaged.\n");
  if (!options.parse(argc, argv)) return 0;

  const Weights weights = read_weights(file);
  const Summary summary = summarize(weights.tensors);
  const Description network = describe_network(file, weights, key);
  if (as_json) {
    std::printf(
        "%s\n",
        to_json(file.string(), weights, summary, network).dump(2, ' ', false, json::error_handler_t::replace).c_str());
  } else {
    std::printf("%s: %s\n", file.c_str(), weights.format.c_str());
    std::string dtypes;
    for (const auto& [name, count] : summary.dtypes)
      dtypes += (dtypes.empty() ? "" : ", ") + name + (summary.dtypes.size() > 1 ? fmt::format(" x {}", count) : "");
    line("parameters", fmt::format("{} in {} tensors, {}, {}", with_thousands(summary.parameters),
                                   weights.tensors.size(), dtypes, format_bytes(static_cast<double>(summary.bytes))));
    line("architecture", network.architecture.empty() ? weights.card.architecture : network.architecture);
    line("head", network.head);
    for (const auto& note : network.notes) line("import", note);
    if (!weights.compressed.empty())
      line("compressed", fmt::format("{} tensors, whose values were not looked at", weights.compressed.size()));
    const std::string purpose = describe_purpose(file, weights);
    line("purpose", purpose);
    if (weights.has_card)
      print_card(weights.card);
    else if (weights.format != "NumPy array" && purpose.empty())
      line("card", "none; make a model file with fsfm convert");
    line("beside weights", short_json(weights.source));
    const bool few = weights.tensors.size() <= 8;
    if (list_tensors || few)
      for (const auto& [name, tensor] : weights.tensors)
        std::printf("  %-40s %-5s %s\n", name.c_str(), dtype_name(tensor.dtype), shape_text(tensor.shape).c_str());
  }
  if (const auto bad = nonfinite_tensors(weights.tensors); !bad.empty())
    throw Error(
        fmt::format("{}: {} of its tensors hold NaN or infinity, the first is '{}'", file.string(), bad.size(), bad[0]),
        "training diverged or the file is damaged");
  return 0;
}

}  // namespace fsfm::cli
