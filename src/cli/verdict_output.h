// Where the results of fsfm detect go: text, JSON, CSV, a file that grows over several runs, a summary.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "base/file.h"
#include "cli/detect_judge.h"
#include "cli/detect_request.h"

namespace fsfm::cli {

// A JSON Lines file of an earlier run, continued: each line is written whole, a torn last one is cut off. One writer at
// a time. Thread-compatible.
class ResumedLines {
 public:
  // Calls `earlier` with each entry that is there. Throws Error when the file is no output of fsfm detect --jsonl,
  // another model judged it, another run writes to it, or it cannot be written.
  ResumedLines(const fs::path& file, const DetectorModel& model,
               const std::function<void(const nlohmann::json&)>& earlier);
  ~ResumedLines();
  ResumedLines(const ResumedLines&) = delete;
  ResumedLines& operator=(const ResumedLines&) = delete;
  // Has `file` (as the command line names it) an entry?
  bool has(const fs::path& file) const;
  size_t size() const { return files_.size(); }
  void add(const nlohmann::json& line);

 private:
  fs::path path_;
  std::set<std::string> files_;
  int fd_ = -1;
};

// Counts of what was said, for the summary and the exit code.
class Tally {
 public:
  void add(const nlohmann::json& entry);
  // "12 pictures, 1 video: 8 real, 3 attack, 1 inconclusive (1 too_small), 1 without a face; 2 could not be read".
  std::string summary() const;
  bool any(const std::string& verdict) const { return verdicts_.contains(verdict); }

 private:
  size_t pictures_ = 0, videos_ = 0, unread_ = 0, skipped_ = 0, faceless_ = 0;
  std::map<std::string, size_t> verdicts_, reasons_;
};

// The verdict on an input as a whole: the worst of a picture's faces; "" when there is nothing to judge.
std::string overall_verdict(const nlohmann::json& entry);

// Columns of --csv, and the rows of one entry: a face of a picture, a video, or a person of one.
std::string csv_header();
std::string csv_rows(const nlohmann::json& entry);

}  // namespace fsfm::cli
