// What a published dataset looks like on the disk: each layout turns a folder into a list of inputs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/class_names.h"

namespace fsfm {

// One picture or video to prepare.
struct PrepareEntry {
  enum class Kind { picture, video };
  std::filesystem::path path;
  Kind kind = Kind::picture;
  std::string class_name = "real";
  std::string split;          // "train" | "val" | "test" | ""
  std::string video;          // identity below the class: "Deepfakes/033_097"; by default from the file's name
  int64_t frame = -1;         // of a picture that is a video's frame
  int frames = 0;             // of a video: how many faces to take (0 = --frames)
  std::string key;            // names the output, unique; filled by enumerate_layout()
  std::string left_out = {};  // why it is not looked at; "" = it is an input
};

struct LayoutRequest {
  std::filesystem::path root;
  std::string compression = "c23";  // ffpp, dfd: c0 (raw), c23, c40
  // ffpp: which manipulations. Empty or {"all"}: the four of the paper; {"each"}: the same, a class each; {"none"}:
  // originals.
  std::vector<std::string> methods;
  std::string labels = "binary";     // "binary": every forgery is class fake; "methods": a class each
  std::vector<std::string> domains;  // mcio, wcs, diff: which of their parts (empty = all)
  int frames = 32;                   // of a video; ffpp balances its classes around it
  int every = 0;                     // > 0: every K-th frame instead
  std::string split_lists = {};    // ffpp: folder of train.json, val.json, test.json; "none": no splits; "": below root
  ClassStatement stated = {};      // folder, classes, list, csv, deepfakebench: what the user says of the classes
  std::string class_name = {};     // folder: the class of all its faces ("" = real)
  std::filesystem::path out = {};  // where the faces go: what lies there is no input
};

struct Listing {
  std::vector<PrepareEntry> entries;
  std::vector<std::string> notes = {};      // for people: what the dataset's own lists promise and the disk lacks, ...
  std::vector<PrepareEntry> left_out = {};  // what nothing here reads, each with its reason; keyed like the entries
  // Which classes are attacks. Left empty by a layout whose classes are known: "real", and every other is a forgery.
  std::optional<std::vector<std::string>> attack_classes = {};
  bool names_from_user = false;  // the classes' names come from folders or lists: judge them (base/class_names.h)
};

struct Layout {
  std::string name;
  std::string summary;  // one line for --help
  // Sorted, complete, reproducible. Throws Error that tells the expected tree when `root` is another.
  Listing (*enumerate)(const LayoutRequest&);
};

const std::vector<Layout>& layouts();
// Throws Error listing the names.
const Layout& find_layout(const std::string& name);

// Runs a layout and completes its entries: video identities, unique keys without dots, attack classes. Throws Error
// when nothing is found, and when nothing says whether a class is real.
Listing enumerate_layout(const Layout& layout, const LayoutRequest& request);

}  // namespace fsfm
