// Names of prepared samples: safe in a tar, on a disk and in WebDataset (which ends a key at its first dot).
#pragma once

#include <string>
#include <unordered_set>

namespace fsfm {

// Thread-compatible. The same requests in the same order give the same keys, whatever the machine.
class KeyMaker {
 public:
  // Dots, backslashes and control characters become '_'; "." and ".." parts and empty ones vanish; parts and paths too
  // long for a tar are shortened to a beginning and a hash; a key that was given before, in whatever capitals, gets
  // "-2", "-3", ...
  std::string make(const std::string& wanted);

 private:
  std::unordered_set<std::string> taken_;
};

}  // namespace fsfm
