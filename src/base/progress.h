// Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace fsfm {

// Thread-compatible (call from one thread). Draws on stderr at most ten times a second (a line every 10 s when stderr
// is no terminal) and only if `visible`, which src/cli/ decides: the library stays silent by default.
class Progress {
 public:
  Progress(std::string label, uint64_t total, std::string unit, bool visible);
  ~Progress();
  // Sets the number done so far; `note` is shown behind the bar ("loss 0.612").
  void update(uint64_t done, const std::string& note = "");
  void finish(const std::string& note = "");
  double seconds() const;

 private:
  void draw(bool last);
  std::string label_, unit_, note_;
  uint64_t total_, done_ = 0, first_ = 0;
  bool visible_, terminal_, started_ = false, finished_ = false;
  std::chrono::steady_clock::time_point start_, drawn_;
};

// "1 h 02 min", "3 min 20 s", "12 s".
std::string format_duration(double seconds);

}  // namespace fsfm
