// The loop that every training run shares: epochs of steps, evaluations between them, checkpoints by epoch and by time,
// a clean stop when interrupted, and rescue of what was learned when a step fails.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/folder_lock.h"
#include "base/progress.h"
#include "data/loader.h"
#include "data/unreadable.h"
#include "train/checkpoint.h"
#include "train/distributed/communicator.h"
#include "train/run_log.h"
#include "train/run_samples.h"
#include "train/run_settings.h"

namespace fsfm {

// What an exception of libtorch, mostly a lack of memory, says to the user.
Error explain(const c10::Error& error);

// Runs `action`; an exception of libtorch becomes an Error.
template <class Action>
auto with_libtorch(Action&& action) {
  try {
    return action();
  } catch (const c10::Error& error) {
    throw explain(error);
  }
}

// A run derives from this, sets steps_per_epoch_ and total_steps_, and calls begin() and run_steps(). From construction
// to destruction the run folder is locked by the main rank.
// Thread-compatible: the thread that calls run_steps() owns the run; only the stop token may be asked from another.
class RunLoop {
 public:
  virtual ~RunLoop() = default;
  RunLoop(const RunLoop&) = delete;
  RunLoop& operator=(const RunLoop&) = delete;

 protected:
  // `kind` names the run in its progress bar and checkpoints; `recipe_text` is kept beside the results; `accumulate`
  // batches make a step.
  RunLoop(std::string kind, const RunSettings& settings, int accumulate, const std::string& recipe_text, bool visible,
          Communicator& others);

  // Resumes or starts anew, and opens the log. Throws Error when the processes do not begin at the same step.
  void begin();
  // Until the end or the interruption. Throws Error after saving what was learned. An exception of libtorch may leave
  // half of a step in the weights, so nothing is saved then: the last checkpoint is where the run goes on.
  void run_steps();

  // What must not change between the parts of one run. Machine, logging and saving settings may.
  virtual nlohmann::json fingerprint() const = 0;
  // The state beyond what the loop keeps itself, into a checkpoint and back.
  virtual void store(Checkpoint& checkpoint) = 0;
  virtual void restore(const Checkpoint& checkpoint) = 0;
  virtual void start_afresh() {}
  // One line or two for the user about what is going to happen.
  virtual void announce() const = 0;
  virtual Loader& loader() = 0;
  // What loader() draws from, the same on all ranks, and the mean and deviation that the run uses.
  virtual const Dataset& training_data() const = 0;
  virtual Normalization normalization() const = 0;
  // Makes the loader yield the epoch's batches from `first_batch` on.
  virtual void start_epoch(int epoch, int64_t first_batch) { loader().start(epoch, first_batch); }
  // Learns from the batches of one step; step_ still counts the steps before it. False: skipped, the loss was not
  // finite.
  virtual bool learn(const std::vector<Batch>& batches) = 0;
  // Called once step_ counts the step: what is due by then is logged. `seconds`: spent on steps since the last call, in
  // this part of the run or an earlier one.
  virtual void log_step(double seconds) = 0;
  virtual void evaluate() = 0;

  double epoch_now() const { return static_cast<double>(step_) / static_cast<double>(steps_per_epoch_); }

  // Notes and counts what cannot be read: in the log, in log.jsonl and on all ranks. Throws Error when it is too much.
  void report_unreadable();

  const std::string& recipe_text_;
  const bool visible_;  // on the main rank alone
  Communicator& others_;
  torch::Device device_;
  std::optional<FolderLock> lock_;  // of the main rank; before anything looks into the folder
  RunSamples samples_;
  UnreadableSamples unreadable_, held_out_unreadable_;
  CheckpointFolder checkpoints_;
  std::optional<RunLog> log_;  // of the main rank
  int64_t step_ = 0, steps_per_epoch_ = 0, total_steps_ = 0, skipped_ = 0;
  bool interrupted_ = false;
  bool new_best_ = false;  // the next checkpoint is the best so far
  std::string note_;       // beside the progress bar

 private:
  void loop(Progress& progress);
  void one_step();
  void save();
  void rescue();
  void exchange_unreadable();
  void log_unreadable(const UnreadableSamples& unreadable, size_t& logged, const char* what);

  const std::string kind_;
  const RunSettings& settings_;
  const int accumulate_;
  int64_t saved_step_ = 0;
  int skipped_in_a_row_ = 0;
  size_t exchanged_ = 0, logged_ = 0, held_out_logged_ = 0;  // of the unreadable samples
  double step_seconds_ = 0;  // since the last log line; evaluating and saving are not learning
};

}  // namespace fsfm
