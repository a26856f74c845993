// Samples that cannot be read: told apart from mistakes in the settings, left out, counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/dataset.h"

namespace fsfm {

// The picture or class map of one sample is damaged, empty, gone or not what its name says. Loops over a dataset leave
// the sample out and count it; every other Error ends them.
class UnreadableSample : public Error {
 public:
  using Error::Error;
};

// Dataset::load and load_parsing, whose Error becomes an UnreadableSample that names the sample's place.
Sample read_sample(const Dataset& dataset, size_t index);
std::optional<std::vector<uint8_t>> read_parsing(const Dataset& dataset, size_t index);

// What was left out, once each, by sample key. Thread-safe.
class UnreadableSamples {
 public:
  struct Entry {
    std::string key, why;
  };

  // More than `share` of `total` samples of `what` ("training data") are too many. Call it before other threads look.
  void set_limit(const std::string& what, size_t total, double share);
  // Throws Error naming them, with the option that allows more, when there are too many.
  void check() const;

  // False when the key is known already.
  bool add(const std::string& key, const std::string& why);
  // Of an earlier part of the run: it counts among the entries, but is tried again and may be readable by now.
  void add_earlier(const std::string& key, const std::string& why);
  bool contains(const std::string& key) const;  // and must not be tried again
  size_t size() const;                          // of entries()
  size_t seen() const { return count_; }        // of those that were not only read about (add_earlier)
  // In the order of their discovery, from the `first` on.
  std::vector<Entry> entries(size_t first = 0) const;
  // "a.jpg: truncated; b.jpg: empty; and 11 more", for messages.
  std::string named(size_t most = 5) const;
  // {"count": 12, "first": [{"key": ..., "why": ...}, ...]}: the first hundred, for cards and reports.
  nlohmann::json to_json() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, size_t> places_;  // key -> index into entries_
  std::vector<Entry> entries_;
  std::vector<uint8_t> seen_;     // [entries_] 0 = of an earlier part of the run
  std::atomic<size_t> count_{0};  // of those seen
  std::string what_ = "data";
  size_t total_ = 0;  // 0 = no limit
  double share_ = 1;
};

}  // namespace fsfm
