// Where prepared faces go: tar shards, or folders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "data/record.h"
#include "data/store/manifest.h"

namespace fsfm {

struct PreparedFace {
  FaceRecord record;
  std::vector<std::byte> picture;  // encoded
  std::string extension;           // of the picture: "jpg", "png", ...
  std::vector<uint8_t> parsing;    // [224 * 224], or empty
};

// Thread-compatible: one thread adds. Throws Error (no space, no permission).
class SampleWriter {
 public:
  virtual ~SampleWriter() = default;
  virtual void add(const PreparedFace& face) = 0;
  // Where the output stands: everything added so far lies before it. A run interrupted later returns to it.
  virtual nlohmann::json position() const = 0;
  // Closes what is open and adds samples, sums and shards to `manifest`.
  virtual void finish(Manifest& manifest) = 0;
};

struct ShardWriterOptions {
  std::filesystem::path dir;                                       // the dataset; shards go below dir/shards
  std::string prefix = "part";                                     // file names: PREFIX-000000.tar
  uint64_t max_bytes = uint64_t{512} << 20, max_samples = 20'000;  // of one shard
};
// `resume`: a position() of the interrupted run (null = from the start): what was written behind it is cut off.
std::unique_ptr<SampleWriter> make_shard_writer(const ShardWriterOptions& options, const nlohmann::json& resume);
// Does what `position` speaks of exist on the disk? (False after a loss of power: go back to an earlier one.)
bool shard_position_exists(const ShardWriterOptions& options, const nlohmann::json& position);

// Unlabelled sets without splits as the authors keep them (images/NAME.png, parsing_maps/NAME.npy and the side-car);
// labelled ones as `[split/]class/NAME.png` with the class map beside it as NAME.seg.png. `authors` chooses the first.
// Pictures become PNG.
std::unique_ptr<SampleWriter> make_folder_writer(const std::filesystem::path& dir, bool authors,
                                                 const nlohmann::json& resume);

}  // namespace fsfm
