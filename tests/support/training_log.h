// What a run wrote into its log, and how to end a run at a chosen moment.
#pragma once

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>
#include <vector>

#include "train/run_log.h"

namespace fsfm::test {

inline std::vector<double> training_losses(const std::filesystem::path& run_folder) {
  std::vector<double> values;
  for (const auto& line : RunLog::read(run_folder))
    if (line["kind"] == "train") values.push_back(line["loss"]);
  return values;
}

// Until the log has `lines` training lines (or two minutes are over).
inline void wait_for_lines(const std::filesystem::path& run_folder, size_t lines) {
  for (int i = 0; i < 6000 && training_losses(run_folder).size() < lines; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

// Waits for that many lines, signals, and returns the exit status.
inline int signal_after(pid_t child, const std::filesystem::path& run_folder, size_t lines, int signal) {
  wait_for_lines(run_folder, lines);
  ::kill(child, signal);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace fsfm::test
