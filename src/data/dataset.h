// Lists of samples: where each picture is, what it is called and which video it belongs to.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "face/region_map.h"
#include "media/image.h"
#include "media/preprocess.h"

namespace fsfm {

// One face crop, as listed.
struct SampleRef {
  std::string key;        // unique within the dataset, e.g. "train/fake/Deepfakes_033_097_frame_0"
  int label = 0;          // index into DatasetInfo::classes; 0 when unlabelled
  std::string video;      // identity for video-level metrics: "<dataset>/<class>/<video>" (method.md section 7.6)
  std::string split;      // "train" | "val" | "test" | ""
  int64_t frame = -1;
};

struct DatasetInfo {
  std::string name;
  std::vector<std::string> classes;         // alphabetical folder names, e.g. {"fake","real"}; {"real"} when unlabelled
  std::vector<std::string> attack_classes;  // inferred: every class except real/live/genuine/bonafide/original; printed and stored
  std::optional<Normalization> normalization;  // of the dataset, when its preparation computed it
};

// One face crop, loaded.
struct Sample {
  Image image;                            // as stored (any size)
  std::optional<RegionMap> region_map;    // 14 x 14 for 224/16 when prepared with a parser
};

// Thread-safe for reading: load() may be called from many threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetInfo& info() const = 0;
  virtual const std::vector<SampleRef>& samples() const = 0;
  // Throws Error naming the file when it cannot be decoded.
  virtual Sample load(size_t index) const = 0;
  // The class map [224 * 224], when stored; for pictures and for other grids than 14 x 14.
  virtual std::optional<std::vector<uint8_t>> load_parsing(size_t index) const = 0;
};

// Opens a prepared dataset (manifest.json) or a plain tree `{train,val,test}/{real,fake,...}/` or `{real,fake,...}/` or a
// bare folder of pictures. `split` keeps one split ("" = all). Throws Error for an empty or missing folder.
std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& dir, const std::string& split = "");

// The same samples of several datasets in one list; classes are matched by name.
std::unique_ptr<Dataset> concatenate(std::vector<std::unique_ptr<Dataset>> parts);
// A subset by indices.
std::unique_ptr<Dataset> subset(std::unique_ptr<Dataset> base, std::vector<size_t> indices);

}  // namespace fsfm
