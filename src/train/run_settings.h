// What every training run is told besides its method: where to compute, where to write, how often to save.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "base/options.h"

namespace fsfm {

// Base of the recipes. A recipe declares its own options first, then these.
struct RunSettings {
  // Data
  double max_bad_share = 0.1;

  // Machine
  std::string precision = "fp32", device = "auto";
  bool checkpoint_blocks = false;
  uint64_t seed = 0;
  int threads = 0, workers = 1;

  // Output
  std::filesystem::path out;
  bool resume = false, overwrite = false;
  int save_every = 0, keep = 2, log_every = 10, eval_every = 1;
  double save_minutes = 10;

  std::stop_token stop{};  // asked after every step: a checkpoint is saved and the run ends. No option

  void declare_run(Options& options);
  // Throws Error naming the options that do not fit together.
  void check_run() const;
  // The folder beside the model file with checkpoints, logs and pictures: M.safetensors -> M.run.
  std::filesystem::path run_folder() const;
};

}  // namespace fsfm
