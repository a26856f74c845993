#include "model/import_classes.h"

#include <algorithm>
#include <array>
#include <set>

namespace fsfm {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 9> kClassKeys = {"class_to_idx", "idx_to_class", "label2id",
                                                        "id2label",     "classes",      "class_names",
                                                        "label_names",  "labels_map",   "CLASSES"};
constexpr std::array<std::string_view, 7> kSettings = {"args", "config", "hyper_parameters", "hparams", "meta",
                                                       "cfg",  "opt"};

// ["fake", "real"], {"fake": 0, "real": 1} or {"0": "fake", "1": "real"} -> the names in order; else nothing.
std::vector<std::string> names_of(const json& value, size_t outputs) {
  std::vector<std::string> names(outputs);
  if (!value.is_structured() || value.size() != outputs) return {};
  size_t at = 0;
  for (const auto& [key, item] : value.items()) {
    size_t index = at++;
    std::string name = key;
    if (value.is_object() && item.is_number_integer()) {
      const auto stated = item.get<int64_t>();
      if (stated < 0 || static_cast<size_t>(stated) >= outputs) return {};
      index = static_cast<size_t>(stated);
    } else if (item.is_string()) {
      name = item.get<std::string>();
      if (value.is_object()) {
        index = 0;
        while (index < outputs && std::to_string(index) != key) ++index;
        if (index == outputs) return {};
      }
    } else {
      return {};
    }
    if (name.empty() || !names[index].empty()) return {};
    names[index] = name;
  }
  return std::set<std::string>(names.begin(), names.end()).size() == outputs ? names : std::vector<std::string>{};
}

StatedClasses search(const json& entries, size_t outputs) {
  for (const auto key : kClassKeys)
    if (const auto found = entries.find(std::string(key)); found != entries.end())
      if (auto names = names_of(*found, outputs); !names.empty()) return {std::move(names), std::string(key)};
  return {};
}

}  // namespace

bool is_class_key(std::string_view key) {
  return std::find(kClassKeys.begin(), kClassKeys.end(), key) != kClassKeys.end();
}

StatedClasses stated_classes(const json& source, int outputs) {
  if (!source.is_object() || outputs < 2 || outputs > 10'000) return {};
  StatedClasses found = search(source, static_cast<size_t>(outputs));
  for (const auto key : kSettings) {
    if (!found.names.empty()) break;
    if (const auto settings = source.find(std::string(key)); settings != source.end() && settings->is_object())
      found = search(*settings, static_cast<size_t>(outputs));
  }
  return found;
}

bool has_authors_form(const NetworkNames& network) {
  const auto& names = network.names;
  if (names.contains("head.bottleneck.weight") || names.contains("adapter.linear1.weight")) return true;
  const auto head = names.find("head.weight");
  if (network.dialect != Dialect::timm || head == names.end() || !names.contains("fc_norm.weight") ||
      names.contains("norm.weight") || !head->second.ends_with("head.weight"))
    return false;
  // What savers and wrappers put in front; another word is a framework of its own.
  static constexpr std::array<std::string_view, 8> kWrappers = {"module", "_orig_mod",        "model",     "state_dict",
                                                                "net",    "model_state_dict", "model_ema", "ema"};
  std::string_view prefix(head->second);
  prefix.remove_suffix(std::string_view("head.weight").size());
  while (!prefix.empty()) {
    const size_t dot = prefix.find('.');
    if (std::find(kWrappers.begin(), kWrappers.end(), prefix.substr(0, dot)) == kWrappers.end()) return false;
    prefix.remove_prefix(dot + 1);
  }
  return true;
}

}  // namespace fsfm
