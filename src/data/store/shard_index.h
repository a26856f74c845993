// The index beside a shard: where every sample's picture, class map and record lie in the tar, and its region bits.
//
// Goals: random access; pretraining touches the picture and the index only; readable by any safetensors library.
// Non-goal: being the truth. It is made from the tar and can be made again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"
#include "data/statistics.h"
#include "data/store/manifest.h"
#include "tensorio/safetensors.h"

namespace fsfm {

// A byte range of the tar; size 0 = absent.
struct Extent {
  uint64_t offset = 0, size = 0;
};

// "part-000000.tar" -> "part-000000.index.safetensors".
std::filesystem::path index_path(const std::filesystem::path& tar);

// Reads every record of a finished shard, writes its index and adds its samples to `manifest` (counts, sums, classes,
// shard with hash; `root` is the manifest's folder). Throws Error naming the tar and the member that is wrong.
void index_shard(const std::filesystem::path& tar, const std::filesystem::path& root, Manifest& manifest);

// An opened shard. Thread-safe for reading.
class Shard {
 public:
  // `classes` are the dataset's: labels come out in its order. Videos get `dataset` in front. Every extent is checked
  // against the tar. Throws Error (missing or stale index, lying offsets).
  Shard(const std::filesystem::path& tar, const std::string& dataset, const std::vector<std::string>& classes);

  size_t size() const { return pictures_.size(); }
  // The list of samples, handed over once to the dataset that holds the shard.
  std::vector<SampleRef> take_samples() { return std::move(samples_); }

  std::span<const std::byte> picture(size_t i) const { return bytes(pictures_[i]); }
  std::span<const std::byte> parsing(size_t i) const { return bytes(maps_[i]); }  // empty when not stored
  std::span<const std::byte> record(size_t i) const { return bytes(records_[i]); }
  std::optional<RegionMap> regions(size_t i) const;

 private:
  std::span<const std::byte> bytes(const Extent& extent) const {
    return tar_.bytes().subspan(extent.offset, extent.size);
  }
  std::vector<Extent> read_extents(const TensorFile& index, const std::string& name, size_t count) const;

  std::string name_;
  MappedFile tar_;
  TensorFile index_;
  std::span<const std::byte> regions_;  // [N, 196] int16 inside index_
  std::vector<SampleRef> samples_;
  std::vector<Extent> pictures_, maps_, records_;
};

}  // namespace fsfm
