#include "train/run_loop.h"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/text.h"
#include "train/device.h"

namespace fsfm {
namespace {

constexpr int kMaxSkippedInARow = 50;

// Pictures and curves of an earlier run would pass for those of the new one.
void remove_earlier_run(const fs::path& folder) {
  std::error_code code;
  for (const auto& [place, prefix] : {std::pair{folder, "events.out.tfevents."}, {folder / "reconstructions", "step-"}})
    for (const auto& entry : fs::directory_iterator(place, code))
      if (entry.path().filename().string().starts_with(prefix)) fs::remove(entry.path(), code);
}

}  // namespace

Error explain(const c10::Error& error) {
  return Error("libtorch: " + split(error.what_without_backtrace(), '\n').front(),
               "for less memory add --checkpoint-blocks (with --resume the run goes on from its last checkpoint), or "
               "start anew with a smaller --batch-size");
}

RunLoop::RunLoop(std::string kind, const RunSettings& settings, int accumulate, const std::string& recipe_text,
                 bool visible, Communicator& others)
    : recipe_text_(recipe_text),
      visible_(visible && others.is_main()),
      others_(others),
      device_(choose_device(settings.device, settings.threads, others.local_rank())),
      checkpoints_(settings.run_folder() / "checkpoints", settings.keep),
      kind_(std::move(kind)),
      settings_(settings),
      accumulate_(accumulate) {}

void RunLoop::run_steps() {
  // The main process may still evaluate. Here the others wait for it; the first exchange between devices would not.
  others_.barrier();
  Progress progress(kind_, static_cast<uint64_t>(total_steps_), "steps", visible_);
  try {
    loop(progress);
  } catch (const Error&) {
    rescue();
    throw;
  }
  progress.finish(note_);
}

void RunLoop::begin() {
  std::optional<int64_t> resumed;
  if (const auto checkpoint = checkpoints_.resume_point(settings_.resume, settings_.overwrite, fingerprint())) {
    restore(*checkpoint);
    step_ = checkpoint->state.at("step");
    skipped_ = checkpoint->state.at("skipped");
    step_seconds_ = checkpoint->state.value("step_seconds", 0.0);
    resumed = saved_step_ = step_;
    if (visible_) log::info("resuming at step {} of {} from {}", step_, total_steps_, settings_.run_folder().string());
  } else {
    start_afresh();
  }
  // A process that does not see the checkpoints would begin at step 0 and learn something else.
  double steps[] = {static_cast<double>(step_)};
  others_.sum(steps);
  if (steps[0] != static_cast<double>(step_) * others_.size())
    throw Error(settings_.run_folder().string() + ": the processes see different checkpoints",
                "put --out on storage that all machines share");
  if (!others_.is_main()) return;
  if (!resumed) {
    checkpoints_.clear();
    remove_earlier_run(settings_.run_folder());
  }
  log_.emplace(settings_.run_folder(), resumed);
  write_file_atomic(settings_.run_folder() / "recipe.toml", recipe_text_);
  if (visible_) announce();
}

void RunLoop::loop(Progress& progress) {
  auto saved = std::chrono::steady_clock::now();
  bool started = false, stop = false;
  while (step_ < total_steps_ && !stop) {
    const int64_t epoch = step_ / steps_per_epoch_, in_epoch = step_ % steps_per_epoch_;
    if (in_epoch == 0 || !started) start_epoch(static_cast<int>(epoch), in_epoch * accumulate_);
    started = true;
    one_step();
    progress.update(static_cast<uint64_t>(step_), note_);
    const bool end = step_ == total_steps_, epoch_end = end || step_ % steps_per_epoch_ == 0;
    if (end || (epoch_end && (step_ / steps_per_epoch_) % settings_.eval_every == 0)) evaluate();
    stop = others_.any(interrupted());
    const double minutes = std::chrono::duration<double>(std::chrono::steady_clock::now() - saved).count() / 60;
    const bool due = others_.any(minutes >= settings_.save_minutes) ||
                     (settings_.save_every > 0 && step_ % settings_.save_every == 0);
    if (epoch_end || stop || due) {
      save();
      saved = std::chrono::steady_clock::now();
    }
  }
  interrupted_ = stop && step_ < total_steps_;
}

void RunLoop::one_step() {
  const auto began = std::chrono::steady_clock::now();
  std::vector<Batch> batches;
  while (static_cast<int>(batches.size()) < accumulate_) {
    auto batch = loader().next();
    if (!batch) throw InternalError(kind_ + ": the epoch ended before its last step");
    batches.push_back(*std::move(batch));
  }
  const bool learned = learn(batches);
  for (auto& batch : batches) loader().recycle(std::move(batch));
  step_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  ++step_;
  skipped_ += !learned;
  skipped_in_a_row_ = learned ? 0 : skipped_in_a_row_ + 1;
  if (skipped_in_a_row_ >= kMaxSkippedInARow)
    throw Error(fmt::format("the loss was not finite for {} steps in a row", kMaxSkippedInARow),
                "use a lower --blr, --precision fp32 or bf16, or look for broken pictures with fsfm doctor");
  if (step_ % settings_.log_every == 0 || step_ == total_steps_) log_step(std::exchange(step_seconds_, 0.0));
}

// A step failed (another process is gone, a picture cannot be read): what was learned so far is kept for --resume.
void RunLoop::rescue() {
  if (step_ == saved_step_) return;
  try {
    save();
  } catch (const Error&) {
    // The first failure is the one to report.
  }
}

void RunLoop::save() {
  if (!others_.is_main()) return;
  saved_step_ = step_;
  Checkpoint checkpoint;
  checkpoint.state = {{"kind", kind_},
                      {"step", step_},
                      {"skipped", skipped_},
                      {"step_seconds", step_seconds_},
                      {"fingerprint", fingerprint()},
                      {"recipe", recipe_text_}};
  store(checkpoint);
  checkpoints_.save(step_, checkpoint);
  if (std::exchange(new_best_, false)) checkpoints_.mark_best();
}

}  // namespace fsfm
