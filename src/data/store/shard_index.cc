#include "data/store/shard_index.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/naming.h"
#include "data/store/record.h"
#include "data/store/tar_reader.h"

namespace fsfm {
namespace {

constexpr size_t kPatches = 196;
constexpr uint64_t kLongestRecord = 1 << 20;

template <class T>
TensorView view_of(DType dtype, Shape shape, const std::vector<T>& values) {
  return {dtype, std::move(shape), std::as_bytes(std::span(values))};
}

// Columns of the index, in the tar's order.
struct Columns {
  std::vector<int64_t> picture, map, record, frame;
  std::vector<int32_t> label, split;
  std::vector<int16_t> regions;
  std::string keys, videos;  // one a line
};

void push(std::vector<int64_t>& column, const TarMember* member) {
  column.push_back(member ? static_cast<int64_t>(member->offset) : 0);
  column.push_back(member ? static_cast<int64_t>(member->size) : 0);
}

int32_t position_of(std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<int32_t>(at - names.begin());
  names.push_back(name);
  return static_cast<int32_t>(names.size() - 1);
}

// The members that share a name up to its first dot.
struct SampleMembers {
  const TarMember *picture = nullptr, *map = nullptr, *record = nullptr;
};

std::string one_line(const std::string& text, const std::string& where) {
  if (text.find('\n') != std::string::npos)
    throw Error(where + ": a key or video holds a line break", "prepare the dataset again");
  return text + "\n";
}

template <class T>
std::vector<T> column(const TensorFile& index, const std::string& name, DType dtype, const Shape& shape,
                      const std::string& file) {
  const auto found = index.tensors.find(name);
  if (found == index.tensors.end() || found->second.dtype != dtype || found->second.shape != shape)
    throw Error(file + ": the index has no proper '" + name + "'", "delete it and run fsfm prepare again");
  std::vector<T> values(found->second.bytes.size() / sizeof(T));
  std::memcpy(values.data(), found->second.bytes.data(), values.size() * sizeof(T));  // the file owes no alignment
  return values;
}

std::vector<std::string> text_column(const TensorFile& index, const std::string& name, size_t count,
                                     const std::string& file) {
  const auto found = index.tensors.find(name);
  if (found == index.tensors.end() || found->second.dtype != DType::u8)
    throw Error(file + ": the index has no proper '" + name + "'", "prepare again");
  const std::string_view text(reinterpret_cast<const char*>(found->second.bytes.data()), found->second.bytes.size());
  std::vector<std::string> lines = split(text, '\n');
  if (lines.size() != count + 1)
    throw Error(file + ": '" + name + "' has a wrong number of lines", "delete it and run fsfm prepare again");
  lines.pop_back();
  return lines;
}

}  // namespace

std::filesystem::path index_path(const std::filesystem::path& tar) {
  return std::filesystem::path(tar).replace_extension(".index.safetensors");
}

void index_shard(const std::filesystem::path& tar, const std::filesystem::path& root, Manifest& manifest) {
  std::ifstream file(tar, std::ios::binary);
  const std::vector<TarMember> members = list_tar(file, tar.string());
  std::vector<std::string> order;
  std::map<std::string, SampleMembers> samples;
  for (const auto& member : members) {
    const size_t folder = member.name.rfind('/');
    const size_t dot = member.name.find('.', folder == std::string::npos ? 0 : folder);
    const std::string key = member.name.substr(0, dot),
                      extension = dot == std::string::npos ? "" : member.name.substr(dot + 1);
    auto [at, added] = samples.try_emplace(key);
    if (added) order.push_back(key);
    const TarMember*& role = extension == "json"      ? at->second.record
                             : extension == "seg.png" ? at->second.map
                                                      : at->second.picture;
    if (role) throw Error(tar.string() + ": two samples are called " + key, "prepare the dataset again");
    role = &member;
  }

  Columns columns;
  std::vector<std::string> classes, splits;
  for (const auto& key : order) {
    const SampleMembers& sample = samples.at(key);
    const std::string where = tar.string() + ":" + key;
    if (!sample.picture || !sample.record)
      throw Error(where + " lacks its picture or its .json", "prepare the dataset again");
    if (sample.record->size > kLongestRecord)
      throw Error(where + ".json is larger than any record", "prepare the dataset again");
    const std::string text = read_tar(file, sample.record->offset, sample.record->size, tar.string());
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) throw Error(where + ".json is no JSON object", "prepare the dataset again");
    const FaceRecord record = FaceRecord::from_json(json, where + ".json");
    push(columns.picture, sample.picture);
    push(columns.map, sample.map);
    push(columns.record, sample.record);
    columns.frame.push_back(record.frame);
    columns.label.push_back(position_of(classes, record.class_name));
    columns.split.push_back(position_of(splits, record.split));
    for (size_t p = 0; p < kPatches; ++p)
      columns.regions.push_back(record.regions ? static_cast<int16_t>(record.regions->classes[p]) : int16_t{0});
    columns.keys += one_line(record.key, where);
    columns.videos += one_line(record.video, where);
    manifest.count(record.split, record.class_name);
    manifest.sums.add(record.sums);
  }

  const auto n = static_cast<int64_t>(order.size());
  const uint64_t tar_bytes = fs::file_size(tar);
  const auto text_view = [](const std::string& text) {
    return TensorView{
        DType::u8, {static_cast<int64_t>(text.size())}, std::as_bytes(std::span(text.data(), text.size()))};
  };
  const TensorMap tensors = {{"picture", view_of(DType::i64, {n, 2}, columns.picture)},
                             {"map", view_of(DType::i64, {n, 2}, columns.map)},
                             {"record", view_of(DType::i64, {n, 2}, columns.record)},
                             {"frame", view_of(DType::i64, {n}, columns.frame)},
                             {"label", view_of(DType::i32, {n}, columns.label)},
                             {"split", view_of(DType::i32, {n}, columns.split)},
                             {"regions", view_of(DType::i16, {n, static_cast<int64_t>(kPatches)}, columns.regions)},
                             {"keys", text_view(columns.keys)},
                             {"videos", text_view(columns.videos)}};
  write_safetensors(
      index_path(tar), tensors,
      {{"about",
        "offset and size in the tar of every sample's picture, class map and record; regions: bit c of word p = "
        "class c touches patch p of 14 x 14"},
       {"classes", nlohmann::json(classes).dump()},
       {"splits", nlohmann::json(splits).dump()},
       {"tar_bytes", std::to_string(tar_bytes)}});

  Manifest own;
  own.classes = classes;
  std::sort(own.classes.begin(), own.classes.end());
  own.attack_classes = known_attack_classes(own.classes);  // who prepares knows better
  own.shards.push_back(
      {fs::relative(tar, root).generic_string(), static_cast<uint64_t>(n), tar_bytes, sha256_file(tar)});
  manifest.merge(own);
}

Shard::Shard(const std::filesystem::path& tar, const std::string& dataset, const std::vector<std::string>& classes)
    : name_(tar.string()), tar_(tar) {
  const fs::path path = index_path(tar);
  const std::string file = path.string();
  index_ = read_safetensors(path);
  const auto stale = [&](const std::string& what) {
    return Error(file + ": " + what, "the shard and its index do not belong together: prepare again");
  };
  const auto frames = index_.tensors.find("frame");
  if (frames == index_.tensors.end() || frames->second.shape.size() != 1) throw stale("no 'frame' column");
  const auto n = frames->second.shape[0];
  const auto count = static_cast<size_t>(n);
  if (index_.metadata.contains("tar_bytes") && index_.metadata.at("tar_bytes") != std::to_string(tar_.bytes().size()))
    throw stale("made for a tar of another size");

  pictures_ = read_extents(index_, "picture", count);
  maps_ = read_extents(index_, "map", count);
  records_ = read_extents(index_, "record", count);
  const auto frame = column<int64_t>(index_, "frame", DType::i64, {n}, file);
  const auto label = column<int32_t>(index_, "label", DType::i32, {n}, file);
  const auto split = column<int32_t>(index_, "split", DType::i32, {n}, file);
  auto keys = text_column(index_, "keys", count, file);
  const auto videos = text_column(index_, "videos", count, file);
  const auto regions = index_.tensors.find("regions");
  if (regions == index_.tensors.end() || regions->second.dtype != DType::i16 ||
      regions->second.shape != Shape{n, int64_t{kPatches}})
    throw stale("no proper 'regions'");
  regions_ = regions->second.bytes;

  std::vector<std::string> own_classes, own_splits;
  try {
    own_classes = nlohmann::json::parse(index_.metadata["classes"]).get<std::vector<std::string>>();
    own_splits = nlohmann::json::parse(index_.metadata["splits"]).get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception&) {
    throw stale("no list of classes or splits");
  }
  std::vector<int> labels;
  for (const auto& name : own_classes) {
    const auto at = std::find(classes.begin(), classes.end(), name);
    if (at == classes.end()) throw stale("class '" + name + "' is not in the manifest");
    labels.push_back(static_cast<int>(at - classes.begin()));
  }
  samples_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (label[i] < 0 || static_cast<size_t>(label[i]) >= labels.size() || split[i] < 0 ||
        static_cast<size_t>(split[i]) >= own_splits.size())
      throw stale("a label or split out of range");
    SampleRef& ref = samples_.emplace_back();
    ref.key = std::move(keys[i]);
    ref.label = labels[static_cast<size_t>(label[i])];
    ref.video = dataset + "/" + videos[i];
    ref.split = own_splits[static_cast<size_t>(split[i])];
    ref.frame = frame[i];
  }
}

std::vector<Extent> Shard::read_extents(const TensorFile& index, const std::string& name, size_t count) const {
  const auto values =
      column<int64_t>(index, name, DType::i64, {static_cast<int64_t>(count), 2}, index_path(name_).string());
  const auto total = static_cast<int64_t>(tar_.bytes().size());
  std::vector<Extent> extents;
  extents.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const int64_t offset = values[2 * i], size = values[2 * i + 1];
    if (offset < 0 || size < 0 || offset > total || size > total - offset)
      throw Error(index_path(name_).string() + ": '" + name + "' points outside the tar", "prepare the dataset again");
    extents.push_back({static_cast<uint64_t>(offset), static_cast<uint64_t>(size)});
  }
  return extents;
}

std::optional<RegionMap> Shard::regions(size_t i) const {
  RegionMap map{14, 14, std::vector<uint16_t>(kPatches)};
  std::memcpy(map.classes.data(), regions_.data() + i * kPatches * sizeof(uint16_t), kPatches * sizeof(uint16_t));
  uint16_t any = 0;
  for (auto& word : map.classes) any |= word &= (1u << kFaceClasses) - 1;
  if (any == 0) return std::nullopt;  // every patch of a parsed face has at least one class
  return map;
}

}  // namespace fsfm
