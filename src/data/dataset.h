// Lists of samples: where each picture is, what it is called and which video it belongs to.
#pragma once

#include <array>
#include <cstddef>
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

struct FaceRecord;  // data/store/record.h

// One face crop, as listed.
struct SampleRef {
  std::string key;    // unique within the dataset, e.g. "train/fake/Deepfakes_033_097_frame_0"
  int label = 0;      // index into DatasetInfo::classes; 0 when unlabelled
  std::string video;  // identity for video-level metrics: "<dataset>/<class>/<video>" (method.md section 7.6)
  std::string split;  // "train" | "val" | "test" | ""
  int64_t frame = -1;
};

struct DatasetInfo {
  std::string name;
  std::vector<std::string> classes;  // alphabetical folder names, e.g. {"fake","real"}; {"real"} when unlabelled
  std::vector<std::string>
      attack_classes;  // inferred: every class except real/live/genuine/bonafide/original; printed and stored
  std::optional<Normalization> normalization;  // of the dataset, when its preparation computed it
  std::string left_out = {};  // of a plain tree: what lies in it and nothing reads, e.g. "2 .psd, 1 .mp4"
};

// One face crop, loaded.
struct Sample {
  Image image;                          // as stored (any size)
  std::optional<RegionMap> region_map;  // 14 x 14 for 224/16 when prepared with a parser
};

inline constexpr int kParsingSide = 224;  // class maps are stored at this side

// Thread-safe for reading: the load functions may be called from many threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetInfo& info() const = 0;
  virtual const std::vector<SampleRef>& samples() const = 0;
  // Throws Error naming the file when it cannot be decoded.
  virtual Sample load(size_t index) const = 0;
  // The class map [224 * 224], when stored; for pictures and for other grids than 14 x 14.
  virtual std::optional<std::vector<uint8_t>> load_parsing(size_t index) const = 0;
  // The picture file as stored (JPEG, PNG, ...), for copying without loss and for judging its compression.
  virtual std::vector<std::byte> load_encoded(size_t index) const = 0;
  // What its preparation noted (source, box, detector, ...); nullopt for a plain tree.
  virtual std::optional<FaceRecord> load_record(size_t index) const;
  // Where the picture is, for messages: a path, or "shard.tar:key.jpg".
  virtual std::string location(size_t index) const = 0;
};

// Opens a prepared dataset (manifest.json), the authors' folders (images/ + parsing_maps/), or a plain tree of ready
// face crops: `{train,val,test}/{real,fake,...}/`, `{real,fake,...}/` or a bare folder of pictures (searched to any
// depth, unlabelled). Folders are classes, in all splits, only if one of them is named like a genuine or an
// attack class (data/naming.h) or as the manifest says. A class map `NAME.seg.png` beside `NAME.jpg` is used. A folder that is itself named like a split
// (dfdc/train) is that split of its parent. `split` keeps one split ("" = all). Throws Error for an empty or missing
// folder and for a split that has no pictures.
std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& dir, const std::string& split = "");

// The same samples of several datasets in one list; classes are matched by name. Datasets of equal name are told apart
// ("dfdc", "dfdc#2"), so that their videos stay apart.
std::unique_ptr<Dataset> concatenate(std::vector<std::unique_ptr<Dataset>> parts);
// A subset by indices; several subsets may share one base.
std::unique_ptr<Dataset> subset(std::shared_ptr<const Dataset> base, std::vector<size_t> indices);

// The splits that occur, in the order train, val, test, "".
std::vector<std::string> splits_of(const Dataset& dataset);
std::vector<size_t> indices_of_split(const Dataset& dataset, const std::string& split);
// Number of samples of every class, in the order of info().classes.
std::vector<size_t> class_counts(const Dataset& dataset);

}  // namespace fsfm
