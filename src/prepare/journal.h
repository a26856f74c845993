// prepare.jsonl: one line per input with its outcome; also what an interrupted run resumes from.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/digest_set.h"
#include "prepare/face_maker.h"

namespace fsfm {

// Counts over all lines.
struct Account {
  std::map<std::string, uint64_t> inputs;  // by outcome
  std::map<std::string, uint64_t> frames;  // of videos, by outcome
  uint64_t faces = 0, unparsed = 0;
};

// Appends; holds a lock on the file, so that two runs cannot write one part. Thread-compatible.
class Journal {
 public:
  // Reads an existing journal, line by line: of each it keeps two hashes. A torn last line is cut off, and so are lines
  // whose position `exists` denies; inputs that were "not done" are as if they were not there. Throws Error when
  // another process holds it or a line in the middle is damaged.
  Journal(const std::filesystem::path& file, const std::function<bool(const nlohmann::json& position)>& exists);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Keys tell entries apart; one file may be listed in several splits.
  bool has(const std::string& key) const { return done_.contains(key); }
  // Position of the output behind the last line; null when there is none.
  const nlohmann::json& position() const { return position_; }
  // True if this content was kept before in this class and split; remembers it.
  bool is_duplicate(const PrepareEntry& entry, const std::string& content);
  void append(const PrepareEntry& entry, const std::string& input, const InputResult& result,
              const nlohmann::json& position);
  const Account& account() const { return account_; }

 private:
  void read(const std::function<bool(const nlohmann::json&)>& exists);
  void take(const nlohmann::json& line);
  std::filesystem::path file_;
  int fd_ = -1;
  nlohmann::json position_;
  DigestSet done_, contents_;
  Account account_;
};

}  // namespace fsfm
