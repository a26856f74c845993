#include "model/import_config.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "tensorio/json.h"

namespace fsfm {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxBytes = 16 << 20;
constexpr const char* kOfAnother = "if it belongs to another file, keep the weights in a folder of their own";

// One JSON object beside the weights; every question names file and key when the answer is of the wrong kind.
class SideFile {
 public:
  SideFile(const fs::path& folder, const char* name) : path_((folder.empty() ? fs::path(".") : folder) / name) {
    if (!is_plain_file(path_)) return;
    value_ = parse_json(read_file(path_, kMaxBytes), path_.string(), kOfAnother);
    if (!value_.is_object()) value_ = json();
  }

  bool exists() const { return value_.is_object(); }
  bool has(const char* key) const { return value_.contains(key) && !value_[key].is_null(); }
  const json& operator[](const char* key) const { return value_.at(key); }
  std::string name() const { return path_.filename().string(); }

  [[noreturn]] void fail(const std::string& what, const std::string& hint = kOfAnother) const {
    throw Error(path_.string() + ": " + what, hint);
  }
  std::string text(const char* key, const std::string& otherwise = "") const {
    if (!has(key)) return otherwise;
    if (!value_[key].is_string()) fail(std::string("'") + key + "' is no text");
    return value_[key].get<std::string>();
  }
  double number(const char* key, double otherwise) const {
    if (!has(key)) return otherwise;
    if (!value_[key].is_number()) fail(std::string("'") + key + "' is no number");
    return value_[key].get<double>();
  }
  bool flag(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!value_[key].is_boolean()) fail(std::string("'") + key + "' is neither true nor false");
    return value_[key].get<bool>();
  }
  // The file must say the same as the tensors, where it says anything.
  void expect(const char* key, double seen) const {
    const double stated = number(key, seen);
    if (stated != seen) fail(fmt::format("'{}' is {:g}, but the tensors show {:g}", key, stated, seen));
  }
  // Replaces the object by a part of it ("pretrained_cfg").
  void enter(const char* key) {
    if (has(key) && value_[key].is_object()) value_ = json(value_[key]);
  }

 private:
  fs::path path_;
  json value_;
};

std::array<float, 3> three(const SideFile& file, const char* key) {
  try {
    const auto values = file[key].get<std::vector<float>>();
    if (values.size() == 3 && std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
      return {values[0], values[1], values[2]};
  } catch (const json::exception&) {
  }
  file.fail(std::string("'") + key + "' does not hold three numbers");
}

// "id2label": {"0": "fake", "1": "real"}, or the list "label_names".
std::vector<std::string> labels(const SideFile& file, const char* key, size_t classes) {
  if (!file.has(key)) return {};
  const json& value = file[key];
  std::vector<std::string> names;
  for (size_t i = 0; i < value.size() && i < 100'000; ++i) {
    const json* name = value.is_array() ? &value[i] : nullptr;
    if (value.is_object())
      if (const auto found = value.find(std::to_string(i)); found != value.end()) name = &*found;
    if (!name || !name->is_string()) file.fail(std::string("'") + key + "' does not name the classes 0, 1, 2, ...");
    names.push_back(name->get<std::string>());
  }
  // transformers writes two labels where a configuration names none; they say nothing of a head of another size.
  if (names.size() != classes) return {};
  return names;
}

// What transformers calls classes that nobody named.
std::vector<std::string> nameless(int outputs) {
  std::vector<std::string> names;
  for (int i = 0; i < outputs; ++i) names.push_back("LABEL_" + std::to_string(i));
  return names;
}

std::string kernel_name(const SideFile& file, int resample) {
  switch (resample) {
    case 1:
      return "lanczos";
    case 2:
      return "bilinear";
    case 3:
      return "bicubic";
    default:
      file.fail(fmt::format("'resample' {} is no filter that fsfm resizes with", resample),
                "known are 1 (lanczos), 2 (bilinear), 3 (bicubic)");
  }
}

// A number, {"height": S, "width": S} or {"shortest_edge": S}; `straight` becomes false for the last.
int side_of(const SideFile& file, const char* key, bool& straight) {
  const json& value = file[key];
  straight = true;
  const auto side = [&](const json& number) {
    if (!number.is_number_integer() || number < 1 || number > 4096) file.fail(std::string("'") + key + "' is no size");
    return number.get<int>();
  };
  if (value.is_number()) return side(value);
  if (value.is_object() && value.contains("height") && value.contains("width")) {
    if (value["height"] != value["width"]) file.fail(std::string("'") + key + "' is not square");
    return side(value["height"]);
  }
  if (value.is_object() && value.contains("shortest_edge")) {
    straight = false;
    return side(value["shortest_edge"]);
  }
  file.fail(std::string("'") + key + "' is no size");
}

void read_preprocessor(const fs::path& folder, const VitConfig& seen, ForeignFacts& facts) {
  const SideFile file(folder, "preprocessor_config.json");
  if (!file.exists()) return;
  if (file.flag("do_normalize", true)) {
    if (file.has("image_mean") && file.has("image_std")) {
      facts.mean = three(file, "image_mean");
      facts.std = three(file, "image_std");
    }
  } else {
    facts.mean = {0, 0, 0};
    facts.std = {1, 1, 1};
  }
  if (facts.mean) facts.normalization_source = file.name();
  if (!file.flag("do_rescale", true) || std::abs(file.number("rescale_factor", 1 / 255.0) * 255 - 1) > 1e-3)
    file.fail("pixels are not divided by 255", "such an input cannot be made here");
  if (!file.flag("do_resize", true) || !file.has("size")) return;
  bool straight = true, crop_straight = true;
  const int side = side_of(file, "size", straight);
  const bool crop = file.flag("do_center_crop", false);
  const int input = crop && file.has("crop_size") ? side_of(file, "crop_size", crop_straight) : side;
  if (input != seen.img_size)
    file.fail(fmt::format("its pictures have {} pixels, but the position table is made for {}", input, seen.img_size));
  const std::string filter = kernel_name(file, static_cast<int>(file.number("resample", 2)));
  // Crops of faces are square: with the shorter side or both, the picture is the same.
  facts.view = side == input ? fmt::format("pillow-{}-{}", filter, side)
                             : fmt::format("pillow-{}-{}-crop-{}", filter, side, input);
}

void read_huggingface(const fs::path& folder, const VitConfig& seen, int outputs, ForeignFacts& facts) {
  const SideFile file(folder, "config.json");
  if (!file.exists() || !file.has("model_type")) {
    facts.classes = nameless(outputs);
    facts.config["layer_norm_eps"] = 1e-12;
    facts.notes.push_back("no config.json beside the weights: epsilon of the norms 1e-12, as transformers' ViT has");
    read_preprocessor(folder, seen, facts);
    return;
  }
  file.expect("hidden_size", seen.embed_dim);
  file.expect("num_hidden_layers", seen.depth);
  file.expect("intermediate_size", seen.mlp_hidden());
  file.expect("patch_size", seen.patch_size);
  file.expect("image_size", seen.img_size);
  file.expect("num_channels", 3);
  if (const std::string act = file.text("hidden_act", "gelu"); act != "gelu")
    file.fail("the activation '" + act + "' cannot be computed here", "networks with gelu can");
  const std::string problem = file.text("problem_type");
  if (outputs > 0 && (problem == "regression" || (problem == "multi_label_classification" && outputs > 1)))
    file.fail("the problem type '" + problem + "' means outputs that are no logits of classes",
              "fsfm finetune --init takes the network without its head");
  const double eps = file.number("layer_norm_eps", 1e-12);
  facts.config["layer_norm_eps"] = eps;
  if (file.has("num_attention_heads"))
    facts.config["num_heads"] = static_cast<int>(file.number("num_attention_heads", 0));
  facts.classes = labels(file, "id2label", static_cast<size_t>(outputs));
  if (facts.classes.empty()) facts.classes = nameless(outputs);
  facts.classes_named = facts.classes != nameless(outputs);
  facts.notes.push_back(fmt::format("config.json: {} heads, epsilon of the norms {:g}",
                                    static_cast<int>(file.number("num_attention_heads", 0)), eps));
  read_preprocessor(folder, seen, facts);
}

void read_timm(const fs::path& folder, const VitConfig& seen, int outputs, ForeignFacts& facts) {
  SideFile file(folder, "config.json");
  if (!file.exists() || !file.has("architecture")) return;
  const std::string architecture = file.text("architecture");
  facts.published = true;
  for (const char* word : {"quickgelu", "siglip", "rope", "relpos", "parallel", "distilled", "_xp"})
    if (architecture.find(word) != std::string::npos)
      file.fail("the architecture '" + architecture + "' is no plain vision transformer");
  static constexpr std::pair<std::string_view, int> kHeads[] = {{"_tiny_", 3},   {"_small_", 6}, {"_base_", 12},
                                                                {"_large_", 16}, {"_huge_", 16}, {"_medium_", 8}};
  for (const auto& [size, heads] : kHeads)
    if (architecture.find(size) != std::string::npos) facts.config["num_heads"] = heads;
  if (file.has("model_args") && file["model_args"].is_object())
    for (const auto& [key, value] : file["model_args"].items()) {
      static constexpr std::array<std::string_view, 9> kHarmless = {
          "img_size",    "patch_size",       "embed_dim",      "depth",    "num_classes",
          "init_values", "dynamic_img_size", "drop_path_rate", "drop_rate"};
      if (key == "num_heads" && value.is_number_integer())
        facts.config["num_heads"] = value;
      else if (key != "global_pool" && std::find(kHarmless.begin(), kHarmless.end(), key) == kHarmless.end())
        file.fail("'model_args' holds '" + key + "', whose effect is not known here", "only plain ViTs are computed");
    }
  const std::string pool = file.text("global_pool", seen.global_pool);
  if (seen.num_classes > 0 && pool != seen.global_pool)
    file.fail("'global_pool' is '" + pool + "', but the tensors are those of '" + seen.global_pool + "'",
              "pooling after the norm (avg without fc_norm) and attention pooling are not computed here");
  facts.classes = labels(file, "label_names", static_cast<size_t>(outputs));
  std::string said = "config.json: " + architecture;
  if (facts.config.contains("num_heads")) said += fmt::format(", {} heads", facts.config["num_heads"].get<int>());
  facts.notes.push_back(said);
  file.enter("pretrained_cfg");
  if (facts.classes.empty()) facts.classes = labels(file, "label_names", static_cast<size_t>(outputs));
  facts.classes_named = !facts.classes.empty();
  if (file.has("mean") && file.has("std")) {
    facts.mean = three(file, "mean");
    facts.std = three(file, "std");
    facts.normalization_source = file.name();
  }
  const double crop = file.number("crop_pct", 0);
  if (crop == 0) return;
  if (!(crop > 0.1 && crop <= 1)) file.fail("'crop_pct' is not in (0.1, 1]");
  const std::string filter = file.text("interpolation", "bicubic");
  if (filter != "bicubic" && filter != "bilinear" && filter != "lanczos")
    file.fail("the interpolation '" + filter + "' is no filter that fsfm resizes with",
              "known are bicubic, bilinear, lanczos");
  const int side = static_cast<int>(std::floor(seen.img_size / crop));
  facts.view = side == seen.img_size ? fmt::format("pillow-{}-{}", filter, side)
                                     : fmt::format("pillow-{}-{}-crop-{}", filter, side, seen.img_size);
}

}  // namespace

void refuse_other_families(const fs::path& folder) {
  const SideFile file(folder, "config.json");
  if (!file.exists()) return;
  const std::string type = file.text("model_type");
  static constexpr std::array<std::string_view, 5> kPlain = {"", "vit", "vit_mae", "deit", "timm_wrapper"};
  if (std::find(kPlain.begin(), kPlain.end(), type) == kPlain.end())
    file.fail("the model type '" + type + "' is no plain vision transformer",
              "known are vit, vit_mae and timm's plain ViTs; " + std::string(kOfAnother));
}

ForeignFacts read_facts(const fs::path& folder, Dialect dialect, const VitConfig& seen, int outputs) {
  ForeignFacts facts;
  if (dialect == Dialect::huggingface) read_huggingface(folder, seen, outputs, facts);
  if (dialect == Dialect::timm) read_timm(folder, seen, outputs, facts);
  if (const fs::path side_car = folder / kMeanStdFile; is_plain_file(side_car)) read_mean_std(side_car, facts);
  for (int c = 0; c < 3; ++c)
    if (facts.std && !((*facts.std)[c] > 0)) throw Error(facts.normalization_source + ": a deviation is not positive");
  return facts;
}

void read_mean_std(const fs::path& path, ForeignFacts& facts) {
  constexpr const char* kExpected = "expected one line {\"mean\": [3 numbers], \"std\": [3 numbers]}";
  const json document = parse_json(read_file(path, 1 << 16), path.string(), kExpected);
  try {
    facts.mean = document.at("mean").get<std::array<float, 3>>();
    facts.std = document.at("std").get<std::array<float, 3>>();
  } catch (const json::exception&) {
    throw Error(path.string() + " does not hold mean and std", kExpected);
  }
  facts.normalization_source = path.filename().string();
}

}  // namespace fsfm
