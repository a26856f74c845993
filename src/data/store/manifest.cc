#include "data/store/manifest.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/naming.h"
#include "tensorio/json.h"

namespace fsfm {
namespace {

std::vector<std::string> united(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::set<std::string> all(a.begin(), a.end());
  all.insert(b.begin(), b.end());
  return {all.begin(), all.end()};
}

bool stays_inside(const std::string& file) {
  const fs::path path = fs::path(file).lexically_normal();
  return !path.empty() && path.is_relative() && *path.begin() != "..";
}

}  // namespace

uint64_t Manifest::samples() const {
  uint64_t total = 0;
  for (const auto& [split, classes] : counts)
    for (const auto& [name, n] : classes) total += n;
  return total;
}

void Manifest::merge(const Manifest& other) {
  classes = united(classes, other.classes);
  attack_classes = united(attack_classes, other.attack_classes);
  for (const auto& [split, per_class] : other.counts)
    for (const auto& [class_name, n] : per_class) count(split, class_name, n);
  sums.add(other.sums);
  shards.insert(shards.end(), other.shards.begin(), other.shards.end());
  for (const auto& [outcome, n] : other.outcomes) outcomes[outcome] += n;
}

nlohmann::json Manifest::to_json() const {
  nlohmann::json json = {{"fsfm_dataset", kFormat},
                         {"name", name},
                         {"form", form},
                         {"samples", samples()},
                         {"classes", classes},
                         {"attack_classes", attack_classes},
                         {"counts", counts},
                         {"inputs", outcomes},
                         {"rgb", {{"pixels", sums.pixels}, {"sum", sums.sum}, {"squares", sums.squares}}},
                         {"made", made}};
  if (sums.pixels > 0) {
    const Normalization norm = sums.normalization();
    json["mean"] = norm.mean;
    json["std"] = norm.std;
  }
  json["shards"] = nlohmann::json::array();
  for (const auto& shard : shards)
    json["shards"].push_back(
        {{"file", shard.file}, {"samples", shard.samples}, {"bytes", shard.bytes}, {"sha256", shard.sha256}});
  return json;
}

void Manifest::write(const std::filesystem::path& file) const {
  write_file_atomic(file, json_text(to_json(), 1) + "\n");
}

Manifest Manifest::read(const std::filesystem::path& file) {
  try {
    const nlohmann::json json =
        parse_json(read_file(file, uint64_t{64} << 20), file.string(), "prepare the dataset again");
    if (!json.is_object() || !json.contains("fsfm_dataset"))
      throw Error(file.string() + " is no manifest of a prepared dataset", "make one with fsfm prepare");
    if (json["fsfm_dataset"].get<int>() > kFormat)
      throw Error(file.string() + " was made by a newer fsfm", "update fsfm");
    Manifest m;
    m.name = json.at("name").get<std::string>();
    m.form = json.at("form").get<std::string>();
    m.classes = json.at("classes").get<std::vector<std::string>>();
    m.attack_classes = json.at("attack_classes").get<std::vector<std::string>>();
    m.counts = json.at("counts").get<decltype(m.counts)>();
    m.outcomes = json.at("inputs").get<decltype(m.outcomes)>();
    m.sums = {json.at("rgb").at("pixels").get<uint64_t>(), json["rgb"].at("sum").get<std::array<uint64_t, 3>>(),
              json["rgb"].at("squares").get<std::array<uint64_t, 3>>()};
    m.made = json.value("made", nlohmann::json());
    for (const auto& shard : json.at("shards")) {
      m.shards.push_back({shard.at("file").get<std::string>(), shard.at("samples").get<uint64_t>(),
                          shard.at("bytes").get<uint64_t>(), shard.value("sha256", "")});
      if (!stays_inside(m.shards.back().file))
        throw Error(file.string() + " names a shard outside its folder: " + m.shards.back().file,
                    "do not use this dataset");
    }
    return m;
  } catch (const nlohmann::json::exception& error) {
    throw Error(file.string() + ": " + error.what(), "prepare the dataset again");
  }
}

}  // namespace fsfm
