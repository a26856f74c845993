#include "train/run_loop.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "train/device.h"

namespace fsfm {
namespace {

constexpr int kMaxSkippedInARow = 50;
constexpr size_t kMostNamed = 10;  // unreadable pictures named on stderr; log.jsonl has them all

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
      samples_(settings),
      checkpoints_(settings.run_folder() / "checkpoints", settings.keep),
      kind_(std::move(kind)),
      settings_(settings),
      accumulate_(accumulate) {
  if (others.is_main()) lock_.emplace(settings.run_folder());
}

void RunLoop::run_steps() {
  // The main process may still evaluate. Here the others wait for it; the first exchange between devices would not.
  others_.barrier();
  report_unreadable();
  Progress progress(kind_, static_cast<uint64_t>(total_steps_), "steps", visible_);
  try {
    loop(progress);
  } catch (const Error&) {
    rescue();
    throw;
  }
  progress.finish(note_);
  if (others_.is_main() && unreadable_.size() > 0)
    log::warn("{} of {} pictures could not be read and were left out; others of their class took their place: {}",
              unreadable_.size(), training_data().samples().size(), unreadable_.named());
  if (others_.is_main() && held_out_unreadable_.size() > 0)
    log::warn("{} held-out pictures could not be read and were left out: {}", held_out_unreadable_.size(),
              held_out_unreadable_.named());
}

void RunLoop::begin() {
  unreadable_.set_limit("training data", training_data().samples().size(), settings_.max_bad_share);
  unreadable_.check();
  if (others_.is_main()) {
    checkpoints_.remove_leftovers();
    remove_half_written(settings_.run_folder());
    remove_half_written(settings_.out.has_parent_path() ? settings_.out.parent_path() : fs::path("."),
                        settings_.out.filename().string() + ".");
  }
  std::optional<int64_t> resumed;
  if (const auto checkpoint = checkpoints_.resume_point(settings_.resume, settings_.overwrite, fingerprint())) {
    restore(*checkpoint);
    step_ = checkpoint->state.at("step");
    skipped_ = checkpoint->state.at("skipped");
    step_seconds_ = checkpoint->state.value("step_seconds", 0.0);
    resumed = saved_step_ = step_;
    for (const auto& entry : checkpoint->state.value("unreadable", nlohmann::json::array()))
      unreadable_.add_earlier(entry.at("key").get<std::string>(), entry.at("why").get<std::string>());
    logged_ = unreadable_.size();
    if (visible_) log::info("resuming at step {} of {} from {}", step_, total_steps_, settings_.run_folder().string());
    if (others_.is_main())
      for (const auto& note : samples_.notes()) log::warn("{}", note);
  } else {
    start_afresh();
    if (visible_ && settings_.resume)
      log::info("{} holds no checkpoint: starting at step 0", settings_.run_folder().string());
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
  if (!resumed) samples_.write(normalization());
  for (const auto& note : samples_.notes()) log_->event("note", step_, epoch_now(), {{"text", note}});
  if (visible_) announce();
}

// A picture that one rank cannot read is left out by all, and the main rank knows its name.
void RunLoop::exchange_unreadable() {
  const auto& samples = training_data().samples();
  std::vector<double> marks(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) marks[i] = unreadable_.contains(samples[i].key);
  others_.sum(marks);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (marks[i] == 0 || unreadable_.contains(samples[i].key)) continue;
    std::string why = training_data().location(i) + ": another process cannot read it";
    try {
      read_sample(training_data(), i);
    } catch (const UnreadableSample& error) {
      why = error.what();
    }
    unreadable_.add(samples[i].key, why);
  }
}

void RunLoop::log_unreadable(const UnreadableSamples& unreadable, size_t& logged, const char* what) {
  if (!log_) return;
  for (const auto& entry : unreadable.entries(logged)) {
    if (logged < kMostNamed)
      log::warn("left out of the {}: {}", what, entry.why);
    else if (logged == kMostNamed)
      log::warn("more of the {} cannot be read and is left out: log.jsonl names all", what);
    log_->event("unreadable", step_, epoch_now(), {{"of", what}, {"key", entry.key}, {"why", entry.why}});
    ++logged;
  }
}

void RunLoop::report_unreadable() {
  if (others_.size() > 1 && others_.any(unreadable_.seen() > exchanged_)) exchange_unreadable();
  exchanged_ = unreadable_.seen();
  log_unreadable(unreadable_, logged_, "training data");
  log_unreadable(held_out_unreadable_, held_out_logged_, "held-out data");
  unreadable_.check();
  held_out_unreadable_.check();
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
    report_unreadable();
    stop = others_.any(settings_.stop.stop_requested());
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
                      {"unreadable", nlohmann::json::array()},
                      {"recipe", recipe_text_}};
  for (const auto& entry : unreadable_.entries())
    checkpoint.state["unreadable"].push_back({{"key", to_utf8(entry.key)}, {"why", to_utf8(entry.why)}});
  store(checkpoint);
  checkpoints_.save(step_, checkpoint);
  if (std::exchange(new_best_, false)) checkpoints_.mark_best();
}

}  // namespace fsfm
