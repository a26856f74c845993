// Everything a run needs to go on as if it had never stopped, in one safetensors file.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace fsfm {

// Goals: complete (weights, moments, averages, random states, position in the data, recipe), whole or absent on disk,
// readable by any safetensors library. Non-goals: being a model to use (that is ModelFile).
struct Checkpoint {
  std::map<std::string, torch::Tensor>
      tensors;           // on the CPU after reading; grouped by prefix: "online.", "optimizer.", ...
  nlohmann::json state;  // counters and recipe; stored as metadata "fsfm.state"

  // The tensors under a prefix, prefix cut off; `put` is the inverse. Nothing is copied.
  std::map<std::string, torch::Tensor> part(const std::string& prefix) const;
  void put(const std::string& prefix, const std::map<std::string, torch::Tensor>& tensors);
};

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
// Throws Error naming the file when it is no checkpoint.
Checkpoint read_checkpoint(const std::filesystem::path& path);

// Parameters and buffers by name, aliasing the module's memory; and back (throws Error naming what does not fit).
std::map<std::string, torch::Tensor> module_state(const torch::nn::Module& module);
void load_module_state(torch::nn::Module& module, const std::map<std::string, torch::Tensor>& state);

// torch's generators (CPU, and CUDA when there is one), for drop path and dropout.
std::map<std::string, torch::Tensor> random_state();
void load_random_state(const std::map<std::string, torch::Tensor>& state);

// A folder of checkpoints `step-000001200.safetensors`, of which the last few are kept, and `best.safetensors`.
// Thread-compatible: the run's main thread writes; the folder is locked by the run (run_loop.h), not here.
class CheckpointFolder {
 public:
  CheckpointFolder(std::filesystem::path folder, int keep_last);

  // Removes what a killed run left half-written. Only for the one who may write here (base/folder_lock.h).
  void remove_leftovers();

  // Writes, then removes the oldest beyond keep_last: at every moment one whole checkpoint exists.
  void save(int64_t step, const Checkpoint& checkpoint);
  // The last saved checkpoint is the best so far: `best.safetensors` becomes another name for it.
  void mark_best();
  std::optional<std::filesystem::path> latest() const;
  std::optional<std::filesystem::path> best() const;
  void clear();
  // Where a run begins: the latest checkpoint when `resume` asks for it, nullopt to start anew. Throws Error when there
  // are checkpoints and neither `resume` nor `overwrite` says what to do with them, or when the latest was written by a
  // run of another `fingerprint` (state["fingerprint"]: what must not change between the parts of one run).
  std::optional<Checkpoint> resume_point(bool resume, bool overwrite, const nlohmann::json& fingerprint) const;

 private:
  std::map<int64_t, std::filesystem::path> list() const;
  std::filesystem::path folder_;
  int keep_last_;
};

}  // namespace fsfm
