#include "data/store/shard_index.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/naming.h"
#include "data/record.h"
#include "data/store/shard_members.h"
#include "data/store/tar_reader.h"
#include "tensorio/json.h"

namespace fsfm {
namespace {

constexpr size_t kPatches = 196;
constexpr uint64_t kLongestRecord = 1 << 20, kTarBlock = 512;
constexpr size_t kCheckedOnOpen = 512, kParts = 3;  // samples; picture, map, record

template <class T>
TensorView view_of(DType dtype, Shape shape, const std::vector<T>& values) {
  return {dtype, std::move(shape), std::as_bytes(std::span(values))};
}

// Columns of the index, in the tar's order.
struct Columns {
  std::vector<int64_t> picture, map, record, headers, contents, frame;
  std::vector<int32_t> label, split;
  std::vector<int16_t> regions;
  std::string keys, videos;  // one a line
};

// `member` null: the sample has none.
void push(std::vector<int64_t>& column, std::vector<int64_t>& headers, const TarMember* member,
          std::span<const std::byte> tar) {
  column.push_back(member ? static_cast<int64_t>(member->offset) : 0);
  column.push_back(member ? static_cast<int64_t>(member->size) : 0);
  headers.push_back(member ? std::bit_cast<int64_t>(hash64(tar.subspan(member->offset - kTarBlock, kTarBlock))) : 0);
}

int64_t content_hash(std::span<const std::byte> tar, const Extent& extent) {
  return std::bit_cast<int64_t>(hash64(tar.subspan(extent.offset, extent.size)));
}

int32_t position_of(std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<int32_t>(at - names.begin());
  names.push_back(name);
  return static_cast<int32_t>(names.size() - 1);
}

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
    throw Error(file + ": the index has no proper '" + name + "'", "delete it: it is made again");
  std::vector<T> values(found->second.bytes.size() / sizeof(T));
  if (!values.empty())
    std::memcpy(values.data(), found->second.bytes.data(), values.size() * sizeof(T));  // the file owes no alignment
  return values;
}

std::vector<std::string> text_column(const TensorFile& index, const std::string& name, size_t count,
                                     const std::string& file) {
  const auto found = index.tensors.find(name);
  if (found == index.tensors.end() || found->second.dtype != DType::u8)
    throw Error(file + ": the index has no proper '" + name + "'", "delete it: it is made again");
  const std::string_view text(reinterpret_cast<const char*>(found->second.bytes.data()), found->second.bytes.size());
  std::vector<std::string> lines = split(text, '\n');
  if (lines.size() != count + 1)
    throw Error(file + ": '" + name + "' has a wrong number of lines", "delete it: it is made again");
  lines.pop_back();
  return lines;
}

}  // namespace

std::filesystem::path index_path(const std::filesystem::path& tar) {
  return std::filesystem::path(tar).replace_extension(".index.safetensors");
}

namespace {

struct BuiltIndex {
  TensorFile file;
  Manifest own;  // counts, sums and classes of the samples
  size_t samples = 0;
  ShardMembers members;
};

BuiltIndex build_index(const fs::path& tar) {
  const std::string name = tar.string();
  const MappedFile mapped(tar);
  std::ifstream file(tar, std::ios::binary);
  BuiltIndex built;
  built.members = samples_of(list_tar(file, name), name);
  auto columns = std::make_shared<Columns>();
  std::vector<std::string> classes, splits;
  for (const auto& sample : built.members.samples) {
    const std::string where = name + ":" + sample.key;
    if (sample.record.size > kLongestRecord)
      throw Error(where + ".json is larger than any record", "prepare the dataset again");
    const nlohmann::json json = parse_json_or_discard(read_tar(file, sample.record.offset, sample.record.size, name));
    if (!json.is_object()) throw Error(where + ".json is no JSON object", "prepare the dataset again");
    const FaceRecord record = FaceRecord::from_json(json, where + ".json");
    push(columns->picture, columns->headers, &sample.picture, mapped.bytes());
    push(columns->map, columns->headers, sample.map ? &*sample.map : nullptr, mapped.bytes());
    push(columns->record, columns->headers, &sample.record, mapped.bytes());
    columns->contents.push_back(content_hash(mapped.bytes(), {sample.record.offset, sample.record.size}));
    columns->frame.push_back(record.frame);
    columns->label.push_back(position_of(classes, record.class_name));
    columns->split.push_back(position_of(splits, record.split));
    for (size_t p = 0; p < kPatches; ++p)
      columns->regions.push_back(record.regions ? static_cast<int16_t>(record.regions->classes[p]) : int16_t{0});
    columns->keys += one_line(record.key, where);
    columns->videos += one_line(record.video, where);
    built.own.count(record.split, record.class_name);
    built.own.sums.add(record.sums);
  }

  built.samples = built.members.samples.size();
  const auto n = static_cast<int64_t>(built.samples);
  const auto text_view = [](const std::string& text) {
    return TensorView{
        DType::u8, {static_cast<int64_t>(text.size())}, std::as_bytes(std::span(text.data(), text.size()))};
  };
  built.file.tensors = {{"picture", view_of(DType::i64, {n, 2}, columns->picture)},
                        {"map", view_of(DType::i64, {n, 2}, columns->map)},
                        {"record", view_of(DType::i64, {n, 2}, columns->record)},
                        {"headers", view_of(DType::i64, {n, int64_t{kParts}}, columns->headers)},
                        {"contents", view_of(DType::i64, {n}, columns->contents)},
                        {"frame", view_of(DType::i64, {n}, columns->frame)},
                        {"label", view_of(DType::i32, {n}, columns->label)},
                        {"split", view_of(DType::i32, {n}, columns->split)},
                        {"regions", view_of(DType::i16, {n, static_cast<int64_t>(kPatches)}, columns->regions)},
                        {"keys", text_view(columns->keys)},
                        {"videos", text_view(columns->videos)}};
  built.file.metadata = {
      {"about",
       "offset and size in the tar of every sample's picture, class map and record; headers: FNV-1a of the tar headers "
       "in front of them; contents: of the record itself; regions: bit c of word p = class c touches patch p of 14 x "
       "14"},
      {"classes", json_text(classes)},
      {"splits", json_text(splits)},
      {"left_out", std::to_string(built.members.incomplete)},
      {"tar_bytes", std::to_string(mapped.bytes().size())}};
  built.file.keep_alive.push_back(columns);
  built.own.classes = classes;
  std::sort(built.own.classes.begin(), built.own.classes.end());
  built.own.attack_classes = known_attack_classes(built.own.classes);  // who prepares knows better
  return built;
}

}  // namespace

void index_shard(const std::filesystem::path& tar, const std::filesystem::path& root, Manifest& manifest) {
  BuiltIndex built = build_index(tar);
  if (built.members.incomplete > 0)
    throw Error(tar.string() + " holds " + built.members.example, "prepare the dataset again");
  write_safetensors(index_path(tar), built.file.tensors, built.file.metadata);
  built.own.shards.push_back({tar.lexically_relative(root).generic_string(), built.samples,
                              std::stoull(built.file.metadata.at("tar_bytes")), sha256_file(tar)});
  manifest.merge(built.own);
}

Shard::Shard(const std::filesystem::path& tar, const std::string& dataset, const std::vector<std::string>& classes)
    : name_(tar.string()), tar_(tar) {
  const fs::path path = index_path(tar);
  std::error_code code;
  if (!fs::exists(path, code)) {
    repair_.why = "had no index";
  } else {
    try {
      read_index(read_safetensors(path), dataset, classes);
      // A tar that is younger than its index may hold other labels under the same names and sizes.
      const bool younger = fs::last_write_time(tar, code) > fs::last_write_time(path, code) || code;
      check_members(younger ? size() : std::min(size(), kCheckedOnOpen));
      if (younger) fs::last_write_time(path, fs::file_time_type::clock::now(), code);  // not looked through again
      return;
    } catch (const Error& error) {
      if (error.os_error() != 0) throw;  // the disk's trouble, not the index's
      repair_.why = error.what();
    }
  }
  BuiltIndex built = build_index(tar);
  try {
    write_safetensors(path, built.file.tensors, built.file.metadata);
    repair_.saved = true;
  } catch (const Error&) {  // a folder that may only be read: the index serves from memory
  }
  read_index(std::move(built.file), dataset, classes);
}

void Shard::read_index(TensorFile index, const std::string& dataset, const std::vector<std::string>& classes) {
  index_ = std::move(index);
  const std::string file = index_path(name_).string();
  const auto unfit = [&](const std::string& what) { return Error(file + ": " + what, "delete it: it is made again"); };
  const auto frames = index_.tensors.find("frame");
  if (frames == index_.tensors.end() || frames->second.shape.size() != 1) throw unfit("no 'frame' column");
  const auto n = frames->second.shape[0];
  const auto count = static_cast<size_t>(n);
  if (index_.metadata["tar_bytes"] != std::to_string(tar_.bytes().size()))
    throw unfit("made for a tar of another size");

  pictures_ = read_extents(index_, "picture", count);
  maps_ = read_extents(index_, "map", count);
  records_ = read_extents(index_, "record", count);
  headers_ = column<int64_t>(index_, "headers", DType::i64, {n, int64_t{kParts}}, file);
  contents_ = column<int64_t>(index_, "contents", DType::i64, {n}, file);
  const auto frame = column<int64_t>(index_, "frame", DType::i64, {n}, file);
  const auto label = column<int32_t>(index_, "label", DType::i32, {n}, file);
  const auto split = column<int32_t>(index_, "split", DType::i32, {n}, file);
  auto keys = text_column(index_, "keys", count, file);
  const auto videos = text_column(index_, "videos", count, file);
  const auto regions = index_.tensors.find("regions");
  if (regions == index_.tensors.end() || regions->second.dtype != DType::i16 ||
      regions->second.shape != Shape{n, int64_t{kPatches}})
    throw unfit("no proper 'regions'");
  regions_ = regions->second.bytes;

  std::vector<std::string> own_classes, own_splits;
  try {
    own_classes = parse_json_or_discard(index_.metadata["classes"]).get<std::vector<std::string>>();
    own_splits = parse_json_or_discard(index_.metadata["splits"]).get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception&) {
    throw unfit("no list of classes or splits");
  }
  const std::string& left_out = index_.metadata["left_out"];
  left_out_ = 0;
  std::from_chars(left_out.data(), left_out.data() + left_out.size(), left_out_);
  std::vector<int> labels;
  for (const auto& name : own_classes) {
    const auto at = std::find(classes.begin(), classes.end(), name);
    if (at == classes.end())
      throw Error(name_ + " holds faces of class '" + name + "', which the manifest does not name",
                  "is it a shard of another dataset?");
    labels.push_back(static_cast<int>(at - classes.begin()));
  }
  samples_.clear();
  samples_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (label[i] < 0 || static_cast<size_t>(label[i]) >= labels.size() || split[i] < 0 ||
        static_cast<size_t>(split[i]) >= own_splits.size())
      throw unfit("a label or split out of range");
    SampleRef& ref = samples_.emplace_back();
    ref.key = std::move(keys[i]);
    ref.label = labels[static_cast<size_t>(label[i])];
    ref.video = dataset + "/" + videos[i];
    ref.split = own_splits[static_cast<size_t>(split[i])];
    ref.frame = frame[i];
  }
}

bool Shard::header_fits(const Extent& extent, size_t i, size_t part) const {
  const int64_t expected = headers_[kParts * i + part];
  if (extent.offset == 0 && extent.size == 0 && part == 1) return expected == 0;  // a face without a class map
  return extent.offset >= kTarBlock &&
         std::bit_cast<int64_t>(hash64(tar_.bytes().subspan(extent.offset - kTarBlock, kTarBlock))) == expected;
}

// All members of `checked` samples, evenly spread: a tar that was packed anew differs nearly everywhere, and what is
// not looked at here is looked at when it is read.
void Shard::check_members(size_t checked) const {
  const size_t n = size();
  for (size_t k = 0; k < checked; ++k) {
    const size_t i = checked > 1 ? k * (n - 1) / (checked - 1) : 0;
    if (!header_fits(pictures_[i], i, 0) || !header_fits(maps_[i], i, 1) || !header_fits(records_[i], i, 2))
      throw Error(index_path(name_).string() + ": made for a tar with other members");
    if (content_hash(tar_.bytes(), records_[i]) != contents_[i])
      throw Error(index_path(name_).string() + ": made for a tar with other records");
  }
}

std::span<const std::byte> Shard::record(size_t i) const {
  const auto found = bytes(records_[i], i, 2);
  if (content_hash(tar_.bytes(), records_[i]) != contents_[i])
    throw Error(
        name_ + " was changed: the record of sample " + std::to_string(i) + " is another than its index was made of",
        "delete " + index_path(name_).string() + ": the next command makes it again");
  return found;
}

std::span<const std::byte> Shard::bytes(const Extent& extent, size_t i, size_t part) const {
  if (!header_fits(extent, i, part))
    throw Error(name_ + " was changed: its index does not find the members of sample " + std::to_string(i),
                "delete " + index_path(name_).string() + ": the next command makes it again");
  return tar_.bytes().subspan(extent.offset, extent.size);
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
