#include "train/pretrain.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/progress.h"
#include "data/statistics.h"
#include "media/codec.h"
#include "nn/weights.h"
#include "tensorio/model_file.h"
#include "train/data_split.h"
#include "train/device.h"
#include "train/init_weights.h"
#include "train/page_pictures.h"
#include "train/pretrain_page.h"
#include "train/pretrain_step.h"
#include "train/run_log.h"
#include "train/schedule.h"

namespace fsfm {
namespace {

constexpr size_t kPictureFaces = 6;
constexpr int64_t kMapFaces = 150;  // of real faces and of attacks, in the page's feature map
constexpr int64_t kMaxSkippedInARow = 50;
constexpr size_t kNormalizationSamples = 4000;

struct PretrainData {
  std::shared_ptr<const Dataset> train, held_out;  // held_out may be null
  std::shared_ptr<const Dataset> examples;         // a few of held_out, for pictures; null like it
  std::shared_ptr<const Dataset> attacks;          // of the same folders, never learned from; may be null
  Normalization normalization;
};

// The samples whose class is genuine, or is an attack.
std::vector<size_t> indices_of_kind(const Dataset& dataset, bool attack) {
  const auto& attacks = dataset.info().attack_classes;
  std::vector<size_t> kept;
  for (size_t i = 0; i < dataset.samples().size(); ++i) {
    const std::string& name = dataset.info().classes[static_cast<size_t>(dataset.samples()[i].label)];
    if ((std::find(attacks.begin(), attacks.end(), name) != attacks.end()) == attack) kept.push_back(i);
  }
  return kept;
}

// Real faces only, unless the recipe wants all classes.
std::shared_ptr<const Dataset> genuine_only(std::shared_ptr<const Dataset> dataset, const PretrainRecipe& recipe) {
  if (recipe.all_classes || dataset->info().attack_classes.empty()) return dataset;
  auto kept = indices_of_kind(*dataset, /*attack=*/false);
  if (kept.empty())
    throw Error(dataset->info().name + " has no real faces",
                "give real faces, or --all-classes to learn from what there is");
  return subset(std::move(dataset), std::move(kept));
}

Normalization choose_normalization(const PretrainRecipe& recipe, const Dataset& train) {
  if (recipe.normalization == "imagenet") return {};
  if (recipe.normalization == "vggface2")
    return {{.5482207537f, .4234053493f, .3654651642f}, {.2789176106f, .2438540757f, .2349389344f}};
  if (train.info().normalization) return *train.info().normalization;
  return dataset_normalization(train, kNormalizationSamples, recipe.threads);
}

PretrainData open_data(const PretrainRecipe& recipe) {
  auto all = open_all(recipe.data, recipe.split);
  PretrainData data;
  const auto splits = splits_of(*all);
  const auto has = [&](const char* name) { return std::find(splits.begin(), splits.end(), name) != splits.end(); };
  auto of_split = [&](const char* name) { return genuine_only(subset(all, indices_of_split(*all, name)), recipe); };
  if (!recipe.val_data.empty())
    data.held_out = genuine_only(open_all(recipe.val_data), recipe);
  else if (recipe.split.empty() && has("train") && has("val"))
    data.held_out = of_split("val");
  data.train = genuine_only(recipe.split.empty() ? subset(all, training_indices(*all)) : all, recipe);
  if (!data.held_out) {
    Split split = hold_out_videos(data.train, recipe.val_fraction, recipe.seed);
    data.train = split.train;
    data.held_out = split.held_out;
  }
  if (auto attacks = indices_of_kind(*all, /*attack=*/true); !attacks.empty() && !recipe.all_classes)
    data.attacks = subset(all, std::move(attacks));
  data.train = draw_samples(data.train, recipe.max_samples, recipe.seed);
  if (data.held_out) data.held_out = draw_samples(data.held_out, recipe.val_samples, recipe.seed);
  if (data.held_out) {
    // Evenly spaced: neighbours are often frames of one video.
    const size_t all_faces = data.held_out->samples().size(), wanted = std::min(kPictureFaces, all_faces);
    std::vector<size_t> spread;
    for (size_t i = 0; i < wanted; ++i) spread.push_back(i * all_faces / wanted);
    data.examples = subset(data.held_out, std::move(spread));
  }
  data.normalization = choose_normalization(recipe, *data.train);
  return data;
}

// Mean over a log period, and since when.
struct Period {
  double total = 0, masked = 0, region = 0, similarity = 0, grad_norm = 0;
  int64_t steps = 0, faces = 0;
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();

  void add(const PretrainLosses& losses, int64_t count) {
    if (losses.skipped) return;
    total += losses.total, masked += losses.masked, region += losses.region, similarity += losses.similarity;
    grad_norm += losses.grad_norm;
    ++steps;
    faces += count;
  }
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count(); }
};

class PretrainRun {
 public:
  PretrainRun(const PretrainRecipe& recipe, const std::string& recipe_text, bool visible, Communicator& others)
      : recipe_(recipe),
        recipe_text_(recipe_text),
        visible_(visible && others.is_main()),
        others_(others),
        device_(choose_device(recipe.device, recipe.threads, others.local_rank())),
        data_(open_data(recipe)),
        batch_options_(batch_options()),
        learner_(step_options(), device_, others),
        loader_(*data_.train,
                {.batch_size = recipe.batch_size,
                 .workers = recipe.workers,
                 .seed = recipe.seed,
                 .rank = others.rank(),
                 .world_size = others.size()},
                make_pretrain_filler(batch_options_), make_pretrain_batch(batch_options_, recipe.batch_size)),
        checkpoints_(recipe.run_folder() / "checkpoints", recipe.keep) {
    steps_per_epoch_ = loader_.batches_per_epoch() / recipe.accumulate;
    if (steps_per_epoch_ == 0)
      throw Error(fmt::format("an epoch has {} batches, too few for --accumulate {}", loader_.batches_per_epoch(),
                              recipe.accumulate),
                  "use a smaller --accumulate or --batch-size");
    total_steps_ = recipe.max_steps > 0 ? recipe.max_steps : steps_per_epoch_ * recipe.epochs;
  }

  PretrainResult run() {
    begin();
    Progress progress("pretrain", static_cast<uint64_t>(total_steps_), "steps", visible_);
    if (step_ == 0) evaluate();
    try {
      learn(progress);
    } catch (const Error&) {
      rescue();
      throw;
    }
    progress.finish(note_);
    if (!result_.interrupted && others_.is_main()) write_model_file();
    if (others_.is_main()) write_page();
    others_.barrier();
    result_.steps = step_;
    result_.skipped = skipped_;
    result_.run_folder = recipe_.run_folder();
    return result_;
  }

 private:
  void learn(Progress& progress) {
    auto saved = std::chrono::steady_clock::now();
    bool stop = false;
    while (step_ < total_steps_ && !stop) {
      const int64_t epoch = step_ / steps_per_epoch_, in_epoch = step_ % steps_per_epoch_;
      if (in_epoch == 0 || !started_) loader_.start(static_cast<int>(epoch), in_epoch * recipe_.accumulate);
      started_ = true;
      one_step();
      progress.update(static_cast<uint64_t>(step_), note_);
      const bool epoch_end = step_ % steps_per_epoch_ == 0, end = step_ == total_steps_;
      if (end || (epoch_end && (step_ / steps_per_epoch_) % recipe_.eval_every == 0)) evaluate();
      stop = others_.any(interrupted());
      const double minutes = std::chrono::duration<double>(std::chrono::steady_clock::now() - saved).count() / 60;
      const bool due = others_.any(minutes >= recipe_.save_minutes);
      if (end || stop || due || epoch_end || (recipe_.save_every > 0 && step_ % recipe_.save_every == 0)) {
        save();
        saved = std::chrono::steady_clock::now();
      }
    }
    result_.interrupted = stop && step_ < total_steps_;
  }

  PretrainBatchOptions batch_options() const {
    const FsfmConfig network = recipe_.network();
    return {.side = network.encoder.img_size,
            .patch = network.encoder.patch_size,
            .normalization = data_.normalization,
            .strategy = parse_mask_strategy(recipe_.mask_strategy),
            .ratio = recipe_.mask_ratio,
            .group_per_batch = recipe_.region_scope == "batch" || recipe_.compat,
            .augment = recipe_.augment};
  }

  PretrainStepOptions step_options() const {
    return {.network = recipe_.network(),
            .objective = {.norm_pix = recipe_.norm_pix,
                          .region_weight = recipe_.region_loss ? recipe_.region_weight : 0.0,
                          .similarity_weight = recipe_.similarity_loss ? recipe_.similarity_weight : 0.0,
                          .similarity = parse_similarity_loss(recipe_.similarity)},
            .weight_decay = recipe_.weight_decay,
            .beta2 = recipe_.beta2,
            .clip = recipe_.clip,
            .precision = parse_precision(recipe_.precision),
            .average_every_batch = recipe_.compat,
            .checkpoint_blocks = recipe_.checkpoint_blocks,
            .zero_rep_positions = recipe_.compat,
            .seed = recipe_.seed};
  }

  // Resumes or starts anew, and opens the log.
  void begin() {
    std::optional<int64_t> resumed;
    if (const auto checkpoint = checkpoints_.resume_point(recipe_.resume, recipe_.overwrite, fingerprint())) {
      learner_.load(*checkpoint);
      step_ = checkpoint->state.at("step");
      skipped_ = checkpoint->state.at("skipped");
      if (const auto& best = checkpoint->state.at("best"); !best.is_null()) best_ = best.get<double>();
      resumed = saved_step_ = step_;
      if (visible_) log::info("resuming at step {} of {} from {}", step_, total_steps_, recipe_.run_folder().string());
    } else if (!recipe_.init.empty()) {
      LoadOptions load;
      load.may_miss = {""};  // any part: an encoder alone is a fine start
      load_initial_weights(*learner_.online(), recipe_.init, load);
      learner_.restart_target();
    }
    if (!others_.is_main()) return;
    if (!resumed) checkpoints_.clear();
    log_.emplace(recipe_.run_folder(), resumed);
    write_file_atomic(recipe_.run_folder() / "recipe.toml", recipe_text_);
    if (visible_)
      log::info("{} real faces, {} held out; ViT-{} on {}, {}; {} steps of {} faces, peak learning rate {:.3g}",
                data_.train->samples().size(), data_.held_out ? data_.held_out->samples().size() : 0, recipe_.model,
                device_.str(), recipe_.precision, total_steps_, faces_per_step(), recipe_.peak_lr(others_.size()));
  }

  // What must not change between the parts of one run. Machine, logging and saving settings may.
  nlohmann::json fingerprint() const {
    return {{"network", recipe_.network().to_json()},
            {"samples", manifest_of(*data_.train)["keys_sha256"]},
            {"seed", recipe_.seed},
            {"batch", recipe_.batch_size * others_.size()},
            {"accumulate", recipe_.accumulate},
            {"total_steps", total_steps_}};
  }

  int64_t faces_per_step() const { return int64_t{recipe_.batch_size} * recipe_.accumulate * others_.size(); }
  double epoch_now() const { return static_cast<double>(step_) / static_cast<double>(steps_per_epoch_); }

  void one_step() {
    std::vector<Batch> batches;
    while (static_cast<int>(batches.size()) < recipe_.accumulate) {
      auto batch = loader_.next();
      if (!batch) throw InternalError("pretrain: the epoch ended before its last step");
      batches.push_back(*std::move(batch));
    }
    // Schedules run over the whole run, so --max-steps shortens them instead of cutting them off.
    const double progress = static_cast<double>(step_) / static_cast<double>(total_steps_);
    const LearningRate rate{recipe_.peak_lr(others_.size()), recipe_.min_lr,
                            std::min<double>(recipe_.warmup(), recipe_.epochs),
                            static_cast<double>(recipe_.epochs)};
    const double lr = rate.at(progress * recipe_.epochs);
    const std::vector<double> momenta = momenta_now();
    const PretrainLosses losses = learner_.step(batches, lr, momenta);
    for (auto& batch : batches) loader_.recycle(std::move(batch));
    ++step_;
    skipped_ += losses.skipped;
    skipped_in_a_row_ = losses.skipped ? skipped_in_a_row_ + 1 : 0;
    if (skipped_in_a_row_ >= kMaxSkippedInARow)
      throw Error(fmt::format("the loss was not finite for {} steps in a row", kMaxSkippedInARow),
                  "use a lower --blr, --precision fp32 or bf16, or look for broken pictures with fsfm doctor");
    period_.add(losses, faces_per_step());
    if (step_ % recipe_.log_every == 0 || step_ == total_steps_) log_period(lr, momenta.back());
  }

  // Momentum of the moving average for each batch of this step: it moves once a step, in the authors' loop once a
  // batch.
  std::vector<double> momenta_now() const {
    if (!recipe_.compat)
      return std::vector<double>(static_cast<size_t>(recipe_.accumulate),
                                 EmaMomentum{recipe_.ema_momentum, 1.0, total_steps_}.at(step_));
    const EmaMomentum by_batch{recipe_.ema_momentum, 1.0, total_steps_ * recipe_.accumulate};
    std::vector<double> momenta;
    for (int64_t i = 0; i < recipe_.accumulate; ++i) momenta.push_back(by_batch.at(step_ * recipe_.accumulate + i));
    return momenta;
  }

  void log_period(double lr, double momentum) {
    const double n = std::max<double>(1.0, static_cast<double>(period_.steps));
    const double loss = period_.total / n, seconds = std::max(period_.seconds(), 1e-9);
    if (result_.first_loss == 0) result_.first_loss = loss;
    result_.last_loss = loss;
    note_ = fmt::format("loss {:.4f}  lr {:.2e}", loss, lr);
    if (skipped_ > 0) note_ += fmt::format("  {} skipped", skipped_);
    if (log_) {
      log_->scalars("train", step_, epoch_now(),
                    {{"loss", loss},
                     {"loss_masked", period_.masked / n},
                     {"loss_region", period_.region / n},
                     {"loss_similarity", period_.similarity / n},
                     {"grad_norm", period_.grad_norm / n},
                     {"lr", lr},
                     {"momentum", momentum},
                     {"faces_per_second", static_cast<double>(period_.faces) / seconds},
                     {"wait_seconds", loader_.wait_seconds()},
                     {"skipped", static_cast<double>(skipped_)}});
    }
    period_ = {};
  }

  void evaluate() {
    if (!data_.held_out || !others_.is_main()) return;
    const ReconstructionOptions options{.batch = batch_options_,
                                        .norm_pix = recipe_.norm_pix,
                                        .precision = parse_precision(recipe_.precision),
                                        .batch_size = std::min(recipe_.batch_size, 32),
                                        .workers = recipe_.workers};
    const ReconstructionReport report = evaluate_reconstruction(learner_.online(), device_, *data_.held_out, options);
    result_.held_out = report;
    if (step_ > 0 && report.patch_mse < best_.value_or(INFINITY)) {
      best_ = report.patch_mse;
      new_best_ = true;
    }
    log_->scalars("held_out", step_, epoch_now(),
                  {{"pixel_mse", report.pixel_mse},
                   {"pixel_baseline", report.pixel_baseline},
                   {"patch_mse", report.patch_mse},
                   {"patch_baseline", report.patch_baseline},
                   {"region_mse", report.region_mse}});
    const Image sheet = reconstruction_sheet(learner_.online(), device_, *data_.examples, options, kPictureFaces);
    const fs::path pictures = recipe_.run_folder() / "reconstructions";
    fs::create_directories(pictures);
    write_image(pictures / fmt::format("step-{:09d}.png", step_), sheet);
    log_->image("reconstruction", step_, sheet);
    if (visible_)
      log::info(
          "held out, step {}: error {:.4f} per patch-normalised pixel (mean-colour baseline {:.4f}), {:.4f} per pixel "
          "(baseline {:.4f})",
          step_, report.patch_mse, report.patch_baseline, report.pixel_mse, report.pixel_baseline);
    period_.since = std::chrono::steady_clock::now();  // evaluation is no training time
  }

  // A step failed (another process is gone, a picture cannot be read): what was learned so far is kept for --resume.
  void rescue() {
    if (step_ == saved_step_) return;
    try {
      save();
    } catch (const Error&) {
      // The first failure is the one to report.
    }
  }

  void save() {
    if (!others_.is_main()) return;
    saved_step_ = step_;
    Checkpoint checkpoint;
    learner_.save(checkpoint);
    checkpoint.state["kind"] = "pretrain";
    checkpoint.state["step"] = step_;
    checkpoint.state["skipped"] = skipped_;
    checkpoint.state["best"] = best_ ? nlohmann::json(*best_) : nlohmann::json(nullptr);
    checkpoint.state["fingerprint"] = fingerprint();
    checkpoint.state["recipe"] = recipe_text_;
    checkpoints_.save(step_, checkpoint);
    if (new_best_) checkpoints_.mark_best();
    new_best_ = false;
  }

  void write_page() {
    PretrainPageFacts facts;
    const FsfmConfig network = recipe_.network();
    facts.title = recipe_.out.stem().string();
    facts.model = fmt::format("ViT-{}, {} x {} pixels, patches of {}", recipe_.model, network.encoder.img_size,
                              network.encoder.img_size, network.encoder.patch_size);
    facts.strategy = fmt::format("{}, {:.0f} %", recipe_.mask_strategy, 100 * recipe_.mask_ratio);
    facts.recipe = recipe_text_;
    facts.data = manifest_of(*data_.train);
    if (data_.held_out) facts.held_out = manifest_of(*data_.held_out);
    facts.steps = step_;
    facts.total_steps = total_steps_;
    facts.faces_per_step = faces_per_step();
    facts.image_side = network.encoder.img_size;
    if (data_.held_out) {
      facts.masks = mask_examples(*data_.examples, batch_options_);
      facts.attention = attention_sheet(learner_.online(), device_, *data_.examples, batch_options_);
    }
    if (data_.held_out && data_.attacks)
      facts.points = feature_map(learner_.online(), device_, parse_precision(recipe_.precision), data_.normalization,
                                 {data_.held_out, data_.attacks}, kMapFaces);
    write_pretrain_page(recipe_.run_folder(), facts);
  }

  void write_model_file() {
    ModelCard card;
    card.name = recipe_.out.stem().string();
    card.kind = "pretrain";
    card.architecture = "fsfm";
    card.config = recipe_.network().to_json();
    card.mean = data_.normalization.mean;
    card.std = data_.normalization.std;
    card.resize = fmt::format("pillow-bicubic-{}", recipe_.img_size);
    card.training = {{"recipe", recipe_text_},
                     {"data", manifest_of(*data_.train)},
                     {"steps", step_},
                     {"skipped_steps", skipped_},
                     {"faces_per_step", faces_per_step()},
                     {"world_size", others_.size()},
                     {"seed", recipe_.seed},
                     {"finished", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
                     {"program", "fsfm " FSFM_VERSION}};
    if (data_.held_out) card.training["held_out"] = manifest_of(*data_.held_out);
    card.metrics = {{"train_loss", result_.last_loss}};
    if (const auto& report = result_.held_out)
      card.metrics["held_out"] = {{"faces", report->faces},
                                  {"patch_mse", report->patch_mse},
                                  {"patch_baseline", report->patch_baseline},
                                  {"pixel_mse", report->pixel_mse},
                                  {"pixel_baseline", report->pixel_baseline},
                                  {"region_mse", report->region_mse}};
    card.licence = "weights: as the licences of the training data allow (" + data_.train->info().name + ")";
    write_model(recipe_.out, card, ModuleTensors(*learner_.online()).map());
    result_.model = recipe_.out;
  }

  const PretrainRecipe& recipe_;
  const std::string& recipe_text_;
  bool visible_;
  Communicator& others_;
  torch::Device device_;
  PretrainData data_;
  PretrainBatchOptions batch_options_;
  PretrainLearner learner_;
  Loader loader_;
  CheckpointFolder checkpoints_;
  std::optional<RunLog> log_;
  int64_t saved_step_ = 0, steps_per_epoch_ = 0, total_steps_ = 0;
  int64_t step_ = 0, skipped_ = 0, skipped_in_a_row_ = 0;
  std::optional<double> best_;
  bool new_best_ = false, started_ = false;
  Period period_;
  std::string note_;
  PretrainResult result_;
};

}  // namespace

PretrainResult pretrain(const PretrainRecipe& recipe, const std::string& recipe_text, bool visible,
                        Communicator& others) {
  recipe.check();
  return PretrainRun(recipe, recipe_text, visible, others).run();
}

}  // namespace fsfm
