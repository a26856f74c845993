// The whole of `fsfm prepare`: a list of inputs becomes a dataset, on all cores, in bounded memory, and every input is
// accounted for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/store/manifest.h"
#include "prepare/face_maker.h"
#include "prepare/journal.h"

namespace fsfm {

struct PrepareOptions {
  FaceMakerOptions faces;
  std::filesystem::path out;
  std::string name;               // of the dataset; "" = the root folder's
  std::string format = "shards";  // "shards" | "folders"
  int part = 1, parts = 1;        // this process does the part-th of so many parts of one preparation (--part i/n)
  int64_t max_inputs = 0;         // 0 = all; else that many, spread evenly over the list
  bool keep_duplicates = false;
  int threads = 0;                                              // 0 = all cores
  std::optional<std::vector<std::string>> attack_classes = {};  // nullopt: by the classes' names
  nlohmann::json made;  // goes into the manifest: layout, options, program version
};

// Made once a thread. Empty functions: no detection (ready crops), no parsing.
struct PrepareTools {
  std::function<std::unique_ptr<FaceDetector>()> make_face_detector;
  std::function<std::unique_ptr<FaceParser>()> make_parser;
};

struct PrepareReport {
  Account account;     // this part's inputs, those of earlier runs included
  Manifest manifest;   // of this part
  PrepareTimes times;  // of this run only
  double wall_seconds = 0, cpu_seconds = 0;
  uint64_t inputs_now = 0;   // handled by this run
  bool interrupted = false;  // stopped early: run the same command again
  int parts_missing = 0;     // other parts that have not finished; manifest.json appears with the last
};

// Output in options.out: manifest.json, prepare.jsonl and shards/*.tar (with indices), or the folders of
// make_folder_writer. Several parts write manifest-IofN.json and prepare-IofN.jsonl, and the last merges the manifests.
// Entries that are left out (with a reason) stand at the end of the list and get their line in the journal.
// The result does not depend on the number of threads. `stop` is asked between inputs; `progress(done, total)` is
// called from one thread at a time. Throws Error: other options than the interrupted run's, no space, no face kept at
// all.
PrepareReport prepare_dataset(const std::vector<PrepareEntry>& entries, const PrepareOptions& options,
                              const PrepareTools& tools, const std::function<bool()>& stop = {},
                              const std::function<void(uint64_t, uint64_t)>& progress = {});

// The table at the end, for people.
std::string format_report(const PrepareReport& report);

}  // namespace fsfm
