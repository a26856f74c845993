// Where the time of judging goes, stage by stage.
#pragma once

#include <chrono>

namespace fsfm {

// Seconds a stage was at work, summed over the threads it ran on: stages that overlap add up to more than the clock
// shows.
struct StageTimes {
  double decode = 0, find = 0, judge = 0, explain = 0;

  StageTimes& operator+=(const StageTimes& other) {
    decode += other.decode;
    find += other.find;
    judge += other.judge;
    explain += other.explain;
    return *this;
  }
};

// Adds the time of its life to `seconds`.
class StageClock {
 public:
  explicit StageClock(double& seconds) : seconds_(seconds) {}
  ~StageClock() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  StageClock(const StageClock&) = delete;
  StageClock& operator=(const StageClock&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace fsfm
