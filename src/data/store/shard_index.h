// The index beside a shard: where every sample's picture, class map and record lie in the tar, and its region bits.
//
// Goals: random access; pretraining touches the picture and the index only; readable by any safetensors library.
// Non-goal: being the truth. It is made from the tar, knows it by the headers of its members, and is made again when
// another program packed the tar anew.
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
// shard with hash; `root` is the manifest's folder). Throws Error naming the tar and the member that is wrong or
// missing.
void index_shard(const std::filesystem::path& tar, const std::filesystem::path& root, Manifest& manifest);

// What became of a shard whose index was missing or belonged to another tar.
struct IndexRepair {
  std::string why;     // "" = the index was right
  bool saved = false;  // beside the tar; else it lives in memory only
};

// An opened shard. Thread-safe for reading.
class Shard {
 public:
  // `classes` are the dataset's: labels come out in its order. Videos get `dataset` in front. The index has to fit the
  // tar: every extent lies inside, and the tar headers and records of up to 512 samples (of all, when the tar is
  // younger than the index) are those that it was made from; if not, it is made again from the tar. Throws Error (no
  // tar, damaged tar, a class that is not the dataset's).
  Shard(const std::filesystem::path& tar, const std::string& dataset, const std::vector<std::string>& classes);

  size_t size() const { return pictures_.size(); }
  const IndexRepair& repair() const { return repair_; }
  // Samples of the tar that lack their picture or record; they are no samples here.
  size_t left_out() const { return left_out_; }
  // The list of samples, handed over once to the dataset that holds the shard.
  std::vector<SampleRef> take_samples() { return std::move(samples_); }

  // Throw Error when the tar no longer holds that member there.
  std::span<const std::byte> picture(size_t i) const { return bytes(pictures_[i], i, 0); }
  std::span<const std::byte> parsing(size_t i) const { return bytes(maps_[i], i, 1); }  // empty when not stored
  std::span<const std::byte> record(size_t i) const;
  std::optional<RegionMap> regions(size_t i) const;

 private:
  // Takes everything over from an index, of a file or fresh. Throws Error when it is none or not of this tar.
  void read_index(TensorFile index, const std::string& dataset, const std::vector<std::string>& classes);
  void check_members(size_t checked) const;
  bool header_fits(const Extent& extent, size_t i, size_t part) const;
  std::span<const std::byte> bytes(const Extent& extent, size_t i, size_t part) const;
  std::vector<Extent> read_extents(const TensorFile& index, const std::string& name, size_t count) const;

  std::string name_;
  MappedFile tar_;
  TensorFile index_;
  IndexRepair repair_;
  size_t left_out_ = 0;
  std::span<const std::byte> regions_;  // [N, 196] int16 inside index_
  std::vector<SampleRef> samples_;
  std::vector<Extent> pictures_, maps_, records_;
  std::vector<int64_t> headers_;   // [N, 3] hashes of the tar headers of picture, map, record
  std::vector<int64_t> contents_;  // [N] hashes of the records
};

}  // namespace fsfm
