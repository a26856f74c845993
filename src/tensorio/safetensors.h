// Reading and writing safetensors: one file, or several with a `*.safetensors.index.json`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensorio/tensor.h"

namespace fsfm {

using Metadata = std::map<std::string, std::string>;

// Tensors together with whatever keeps their bytes alive. Copies share the bytes.
struct TensorFile {
  TensorMap tensors;
  Metadata metadata;
  std::vector<std::shared_ptr<const void>> keep_alive;
};

// Whether a file with these first bytes (9 or more, of `file_bytes`) can be one: the length of its header, which may
// begin like any other format's magic number, fits and a JSON object follows.
bool is_safetensors(std::span<const std::byte> start, uint64_t file_bytes);

// Maps the file: pages are read when touched. Every length, offset, shape and dtype of the header is checked against
// the file before anything is used; tensors may neither overlap nor leave gaps. Throws Error (file, what lies, way
// out).
TensorFile read_safetensors(const std::filesystem::path& path);
// The same of a file in memory, which must outlive the tensors.
TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string& name_for_errors);

// Reads a `*.index.json` and the shards it names (plain file names in the same folder).
TensorFile read_sharded_safetensors(const std::filesystem::path& index);

// Atomic. Throws Error when a tensor's bytes do not fit its shape or the disk is full.
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata = {});

// Atomic. One file if everything fits `max_shard_bytes`; else `NAME-00001-of-00003.safetensors`, ... and, written last,
// `NAME.safetensors.index.json` (a single file of the same NAME is then removed, so that only one reading remains).
void write_sharded_safetensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata,
                               uint64_t max_shard_bytes);

// "dir/NAME.safetensors" -> "dir/NAME.safetensors.index.json".
std::filesystem::path shard_index_path(const std::filesystem::path& path);

}  // namespace fsfm
