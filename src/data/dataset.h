// Lists of samples: where each picture is, what it is called and which video it belongs to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/class_names.h"
#include "face/region_map.h"
#include "media/image.h"
#include "media/preprocess.h"

namespace fsfm {

struct FaceRecord;  // data/record.h

// One face crop, as listed.
struct SampleRef {
  std::string key;    // unique within the dataset, e.g. "train/fake/Deepfakes_033_097_frame_0"
  int label = 0;      // index into DatasetInfo::classes
  std::string video;  // identity for video-level metrics: "<dataset>/<class>/<video>" (method.md section 7.6)
  std::string split;  // "train" | "val" | "test" | ""
  int64_t frame = -1;
};

// What was odd about a dataset when it was opened: a finding of the doctor, a warning elsewhere.
struct DatasetNote {
  std::string id;  // "left-out", "empty-class", "class-like-split", "one-kind"
  std::string text, advice;
};

struct DatasetInfo {
  std::string name;
  // Folder names in alphabetical order, e.g. {"fake","real"}. "unlabelled" (kUnlabelledClass) holds faces of which
  // nothing says whether they are real; every other class is real or an attack.
  std::vector<std::string> classes;
  std::vector<std::string> attack_classes;  // by their names (base/class_names.h), the manifest or the user's statement
  std::vector<std::string> folders{};       // of an unlabelled tree: those that may be meant as classes
  std::vector<DatasetNote> notes{};
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

// The same dataset with what the user says of its classes, above every name and manifest.
std::unique_ptr<Dataset> restate(std::unique_ptr<Dataset> dataset, const ClassStatement& stated);

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

ClassKind kind_of_label(const DatasetInfo& info, int label);
// Throws Error, which shows the folders and how to name them, when a sample is unlabelled.
void require_labels(const Dataset& dataset);
// Throws Error for a stated name that none of the datasets has as a class.
void require_stated_classes(std::span<const DatasetInfo* const> datasets, const ClassStatement& stated);

}  // namespace fsfm
