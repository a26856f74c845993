#include "tensorio/safetensors.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "tensorio/json.h"
#include "tensorio/not_weights.h"

namespace fsfm {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little, "tensor files are little-endian");

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kMaxRank = 32, kMaxName = 4096;
constexpr const char* kDamaged = "the file is damaged or incomplete: copy or download it again";

struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  uint64_t begin, end;
};

[[noreturn]] void bad_tensor(const fs::path& path, const std::string& name, const std::string& what) {
  throw Error(ErrorCode::damaged, path.string() + ": tensor '" + name + "' " + what, kDamaged);
}

Entry parse_entry(const fs::path& path, const std::string& name, const json& value, uint64_t data_bytes) {
  if (name.size() > kMaxName)
    bad_tensor(path, name.substr(0, 60) + "...", "has a name of " + std::to_string(name.size()) + " bytes");
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets"))
    bad_tensor(path, name, "lacks dtype, shape or data_offsets");
  const json &type = value["dtype"], &sizes = value["shape"], &offsets = value["data_offsets"];
  if (!type.is_string() || !parse_dtype(type.get<std::string>()))
    throw Error(ErrorCode::damaged,
                path.string() + ": tensor '" + name + "' has an unknown type" +
                    (type.is_string() ? " " + type.get<std::string>() : ""),
                "known are F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL");
  Entry entry{name, *parse_dtype(type.get<std::string>()), {}, 0, 0};
  if (!sizes.is_array() || sizes.size() > kMaxRank) bad_tensor(path, name, "has no usable shape");
  for (const auto& size : sizes) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() > INT64_MAX)
      bad_tensor(path, name, "has a bad size in its shape");
    entry.shape.push_back(size.get<int64_t>());
  }
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    bad_tensor(path, name, "has bad data_offsets");
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  if (entry.begin > entry.end || entry.end > data_bytes) bad_tensor(path, name, "reaches past the end of the file");
  int64_t bytes = 0;
  for (int64_t size : entry.shape)
    if (size == 0) bytes = -1;  // an empty tensor: other sizes cannot make the product overflow
  if (bytes == 0) {
    bytes = static_cast<int64_t>(dtype_size(entry.dtype));
    for (int64_t size : entry.shape)
      if (__builtin_mul_overflow(bytes, size, &bytes)) bad_tensor(path, name, "has a shape that overflows");
  } else {
    bytes = 0;
  }
  if (static_cast<uint64_t>(bytes) != entry.end - entry.begin)
    bad_tensor(path, name,
               "has " + std::to_string(entry.end - entry.begin) + " bytes but its shape " + shape_text(entry.shape) +
                   " needs " + std::to_string(bytes));
  return entry;
}

Metadata parse_metadata(const json& value) {
  Metadata metadata;
  if (value.is_object())
    for (const auto& [key, text] : value.items())
      if (text.is_string()) metadata[key] = text.get<std::string>();
  return metadata;
}

std::string dump(const json& value, const fs::path& path) {
  try {
    return value.dump();
  } catch (const json::exception&) {
    throw Error("cannot write " + path.string() + ": a name or text in it is not UTF-8");
  }
}

uint64_t total_bytes(const TensorMap& tensors) {
  uint64_t total = 0;
  for (const auto& [name, tensor] : tensors) total += tensor.bytes.size();
  return total;
}

std::string stem_of(const fs::path& path) {
  return path.extension() == ".safetensors" ? path.stem().string() : path.filename().string();
}

// Removes the files it was given unless told to keep them.
class Cleanup {
 public:
  ~Cleanup() {
    std::error_code ignored;
    for (const auto& file : files_) fs::remove(file, ignored);
  }
  void add(fs::path file) { files_.push_back(std::move(file)); }
  void keep() { files_.clear(); }

 private:
  std::vector<fs::path> files_;
};

}  // namespace

bool is_safetensors(std::span<const std::byte> start, uint64_t file_bytes) {
  uint64_t header_bytes = 0;
  if (start.size() < 9) return false;
  std::memcpy(&header_bytes, start.data(), 8);
  return header_bytes <= std::min(kMaxHeaderBytes, file_bytes - 8) && start[8] == std::byte{'{'};
}

TensorFile read_safetensors(const fs::path& path) {
  auto file = std::make_shared<MappedFile>(path);
  TensorFile result = parse_safetensors(file->bytes(), path.string());
  result.keep_alive.push_back(std::move(file));
  return result;
}

TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string& name_for_errors) {
  const fs::path path = name_for_errors;
  uint64_t header_bytes = 0;
  if (bytes.size() < 10) {
    const Error error = not_weights(path.string(), bytes, "safetensors file");
    throw bytes.empty() ? error
                        : Error(ErrorCode::damaged, path.string() + " is too short for a safetensors file", kDamaged);
  }
  std::memcpy(&header_bytes, bytes.data(), 8);
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + 8;
  if (header_bytes > kMaxHeaderBytes || *text != '{') throw not_weights(path.string(), bytes, "safetensors file");
  if (header_bytes > bytes.size() - 8)
    throw Error(ErrorCode::damaged, path.string() + ": its header reaches past the end of the file", kDamaged);
  const json header = parse_json({text, static_cast<size_t>(header_bytes)}, path.string() + ": header", kDamaged);
  if (!header.is_object()) throw Error(ErrorCode::damaged, path.string() + ": its header is no JSON object", kDamaged);

  const std::span<const std::byte> data = bytes.subspan(8 + static_cast<size_t>(header_bytes));
  TensorFile result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__")
      result.metadata = parse_metadata(value);
    else
      entries.push_back(parse_entry(path, name, value, data.size()));
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  uint64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < expected) bad_tensor(path, entry.name, "overlaps another tensor");
    if (entry.begin > expected) bad_tensor(path, entry.name, "leaves a gap before it");
    expected = entry.end;
  }
  if (expected != data.size())
    throw Error(ErrorCode::damaged,
                path.string() + ": " + std::to_string(data.size() - expected) + " bytes belong to no tensor", kDamaged);

  for (Entry& entry : entries) {
    std::span<const std::byte> part = data.subspan(entry.begin, entry.end - entry.begin);
    if (reinterpret_cast<uintptr_t>(part.data()) % dtype_size(entry.dtype) != 0) {
      // The format does not promise alignment; our users want to look at floats in place.
      auto copy = std::make_shared<std::vector<std::byte>>(part.begin(), part.end());
      part = *copy;
      result.keep_alive.push_back(std::move(copy));
    }
    result.tensors.emplace(std::move(entry.name), TensorView{entry.dtype, std::move(entry.shape), part});
  }
  return result;
}

TensorFile read_sharded_safetensors(const fs::path& index) {
  const json document = parse_json(read_file(index, kMaxHeaderBytes), index.string(), kDamaged);
  if (!document.is_object() || !document.contains("weight_map") || !document["weight_map"].is_object())
    throw Error(index.string() + " has no weight_map", "name the *.safetensors.index.json of a sharded model");
  std::map<std::string, std::set<std::string>> names_by_shard;
  for (const auto& [name, shard] : document["weight_map"].items()) {
    const std::string file = shard.is_string() ? shard.get<std::string>() : "";
    if (file.empty() || file == ".." || file.find_first_of("/\\") != std::string::npos ||
        file.find('\0') != std::string::npos)
      throw Error(index.string() + ": tensor '" + name + "' names a shard that is no plain file name");
    names_by_shard[file].insert(name);
  }
  TensorFile result;
  for (const auto& [file, names] : names_by_shard) {
    const fs::path path = index.parent_path() / file;
    if (!fs::exists(path))
      throw Error(index.string() + " needs the missing file " + path.string(), "copy all shards beside the index");
    TensorFile shard = read_safetensors(path);
    for (const auto& name : names) {
      const auto found = shard.tensors.find(name);
      if (found == shard.tensors.end())
        throw Error(path.string() + " lacks tensor '" + name + "' that its index promises", kDamaged);
      result.tensors.insert(*found);
    }
    result.metadata.merge(shard.metadata);
    result.keep_alive.insert(result.keep_alive.end(), shard.keep_alive.begin(), shard.keep_alive.end());
  }
  if (document.contains("metadata"))
    for (auto& [key, text] : parse_metadata(document["metadata"])) result.metadata[key] = text;
  return result;
}

void write_safetensors(const fs::path& path, const TensorMap& tensors, const Metadata& metadata) {
  // Largest elements first keeps every tensor aligned to its own element size.
  std::vector<const TensorMap::value_type*> order;
  for (const auto& item : tensors) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(),
                   [](auto* a, auto* b) { return dtype_size(a->second.dtype) > dtype_size(b->second.dtype); });
  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const auto* item : order) {
    const auto& [name, tensor] = *item;
    if (static_cast<uint64_t>(tensor.count()) * dtype_size(tensor.dtype) != tensor.bytes.size())
      throw Error("cannot write " + path.string() + ": the bytes of tensor '" + name + "' do not fit its shape");
    header[name] = {{"dtype", dtype_name(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = dump(header, path);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxHeaderBytes) throw Error("cannot write " + path.string() + ": its header would exceed 100 MB");

  AtomicFile file(path);
  const uint64_t header_bytes = text.size();
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(text);
  for (const auto* item : order) file.write(item->second.bytes);
  file.commit();
}

fs::path shard_index_path(const fs::path& path) {
  return path.parent_path() / (stem_of(path) + ".safetensors.index.json");
}

void write_sharded_safetensors(const fs::path& path, const TensorMap& tensors, const Metadata& metadata,
                               uint64_t max_shard_bytes) {
  const uint64_t total = total_bytes(tensors);
  if (total <= max_shard_bytes) return write_safetensors(path, tensors, metadata);

  std::vector<TensorMap> shards(1);
  uint64_t filled = 0;
  for (const auto& item : tensors) {
    if (filled > 0 && filled + item.second.bytes.size() > max_shard_bytes) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().insert(item);
    filled += item.second.bytes.size();
  }
  json index = {{"metadata", metadata}, {"weight_map", json::object()}};
  index["metadata"]["total_size"] = total;
  Cleanup cleanup;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = fmt::format("{}-{:05}-of-{:05}.safetensors", stem_of(path), i + 1, shards.size());
    write_safetensors(path.parent_path() / name, shards[i], metadata);
    cleanup.add(path.parent_path() / name);
    for (const auto& [tensor, view] : shards[i]) index["weight_map"][tensor] = name;
  }
  write_file_atomic(shard_index_path(path), dump(index, path));
  cleanup.keep();
  std::error_code ignored;
  fs::remove(path, ignored);
}

}  // namespace fsfm
