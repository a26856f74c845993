#include "train/finetune/finetune.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "data/batch/finetune_batch.h"
#include "data/statistics.h"
#include "face/face_detector.h"
#include "nn/weights.h"
#include "train/data_split.h"
#include "train/finetune/finetune_start.h"
#include "train/run_loop.h"
#include "train/schedule.h"

namespace fsfm {
namespace {

constexpr int64_t kDomainStepsPerEpoch = 100;  // the anti-spoofing recipe counts steps; it is validated this often
constexpr size_t kNormalizationFaces = 4000;

Normalization choose_normalization(const FinetuneRecipe& recipe, const StartingPoint& start, const Dataset& train,
                                   const RunSamples& samples, UnreadableSamples& unreadable) {
  if (recipe.normalization == "dataset")
    return samples.normalization() ? *samples.normalization()
                                   : dataset_normalization(train, kNormalizationFaces, recipe.threads, &unreadable);
  if (recipe.normalization == "imagenet" || !start.pixels) return {};
  return *start.pixels;
}

class FinetuneRun : public RunLoop {
 public:
  FinetuneRun(const FinetuneRecipe& recipe, const std::string& recipe_text, bool visible, Communicator& others)
      : RunLoop("finetune", recipe, recipe.accumulate, recipe_text, visible, others),
        recipe_(recipe),
        data_(open_finetune_data(recipe, &samples_)),
        start_(starting_point(recipe, data_.classes.size())),
        normalization_(choose_normalization(recipe, start_, *data_.train.dataset, samples_, unreadable_)),
        detector_(detector_options(), start_.weights.tensors, device_, others) {
    eval_.transform = Transform::parse(published_view(start_.network.img_size));
    eval_.normalization = normalization_;
    for (const auto& name : data_.classes) is_attack_.push_back(is_attack(name));
    batch_size_ = recipe.batch_size;
    if (recipe.per_domain_batches()) {
      // --per-domain counts the pictures of a step, whatever the number of processes: each takes its part.
      if (recipe.per_domain % others.size() != 0)
        throw Error(
            fmt::format("--per-domain {} cannot be shared evenly by {} processes", recipe.per_domain, others.size()),
            "use a multiple of the number of processes");
      batch_size_ = 2 * recipe.per_domain / others.size() * count_domains(*data_.train.dataset);
    }
    if (recipe.balance && !recipe.per_domain_batches())
      train_ = subset(data_.train.dataset, balanced_indices(data_.train, recipe.seed, 0));
    else
      train_ = data_.train.dataset;
    if (recipe.per_domain_batches()) {
      const auto per_step = static_cast<int64_t>(batch_size_) * others.size() * recipe.accumulate;
      const auto pass = std::max<int64_t>(1, static_cast<int64_t>(data_.train.dataset->samples().size()) / per_step);
      steps_per_epoch_ = recipe.max_steps > 0 ? std::min(kDomainStepsPerEpoch, recipe.max_steps) : pass;
    } else {
      make_loader(0);
      steps_per_epoch_ = loader_->batches_per_epoch() / recipe.accumulate;
      if (steps_per_epoch_ == 0)
        throw Error("an epoch has too few batches for --accumulate " + std::to_string(recipe.accumulate),
                    "use a smaller one");
    }
    total_steps_ = recipe.max_steps > 0 ? recipe.max_steps : steps_per_epoch_ * recipe.epochs;
    if (!recipe.per_domain_batches()) warmup_ = recipe.warmup(epochs());
    held_out_unreadable_.set_limit("validation data", data_.validation.dataset->samples().size(), recipe.max_bad_share);
  }

  FinetuneResult run() {
    begin();
    run_steps();
    result_.interrupted = interrupted_;
    if (!result_.interrupted && others_.is_main()) finish();
    others_.barrier();
    result_.steps = step_;
    result_.skipped = skipped_;
    result_.unreadable = unreadable_.size();
    result_.classes = data_.classes;
    result_.attack_classes = data_.attack_classes;
    result_.run_folder = recipe_.run_folder();
    return result_;
  }

 private:
  bool is_attack(const std::string& name) const {
    return std::find(data_.attack_classes.begin(), data_.attack_classes.end(), name) != data_.attack_classes.end();
  }

  DetectorOptions detector_options() const {
    DetectorOptions options;
    options.network = start_.network;
    options.init_name = recipe_.init;
    options.method = parse_finetune_method(recipe_.method);
    options.mixup = {recipe_.mixup, recipe_.cutmix, recipe_.smoothing};
    options.adam = recipe_.optimizer == "adam";
    options.weight_decay = recipe_.weight_decay;
    options.layer_decay = recipe_.layer_decay;
    options.clip = recipe_.clip;
    options.contrastive_weight = recipe_.contrastive_weight;
    for (const auto& name : data_.classes) options.is_attack.push_back(is_attack(name));
    options.weight_ema = recipe_.weight_ema;
    options.checkpoint_blocks = recipe_.checkpoint_blocks;
    options.precision = parse_precision(recipe_.precision);
    options.seed = recipe_.seed;
    return options;
  }

  FinetuneBatchOptions batch_options() const {
    FinetuneBatchOptions options;
    options.side = start_.network.img_size;
    options.normalization = normalization_;
    options.min_area = recipe_.min_area;
    if (recipe_.rand_augment == "on") options.rand_augment = RandAugmentOptions{};
    options.erasing = recipe_.erasing;
    options.saturation = recipe_.saturation;
    options.tilt = recipe_.tilt;
    options.tint = recipe_.tint;
    options.degrade = recipe_.degrade;
    options.degrade_most = recipe_.degrade_most;
    // The bands of a filmed screen are what gives a replay away: no augmentation where replays are to be told apart.
    if (recipe_.task == "fas" || recipe_.task == "multi") std::erase(options.degrade_kinds, Degradation::moire);
    options.self_blend = recipe_.self_blend;
    options.self_blend_label = 0;
    options.label_map = data_.train.label_map;
    options.genuine = data_.train.genuine;
    return options;
  }

  void make_loader(int epoch) {
    const bool drawn_anew = recipe_.per_domain_batches() || recipe_.balance;
    if (loader_ && !drawn_anew) return;
    LoaderOptions order;
    order.batch_size = batch_size_;
    order.workers = recipe_.workers;
    order.seed = recipe_.seed;
    order.rank = others_.rank();
    order.world_size = others_.size();
    order.unreadable = &unreadable_;
    if (recipe_.per_domain_batches()) {
      loader_.reset();
      train_ = subset(data_.train.dataset,
                      domain_balanced_indices(data_.train, recipe_.per_domain, steps_per_epoch_ * recipe_.accumulate,
                                              recipe_.seed, epoch));
      order.shuffle = false;
    } else if (recipe_.balance) {
      loader_.reset();
      train_ = subset(data_.train.dataset, balanced_indices(data_.train, recipe_.seed, epoch));
    }
    loader_.emplace(*train_, order, make_finetune_filler(batch_options()),
                    make_finetune_batch(batch_options(), batch_size_));
  }

  Loader& loader() override { return *loader_; }
  const Dataset& training_data() const override { return *data_.train.dataset; }
  Normalization normalization() const override { return normalization_; }
  double epochs() const { return static_cast<double>(total_steps_) / static_cast<double>(steps_per_epoch_); }

  void start_epoch(int epoch, int64_t first_batch) override {
    make_loader(epoch);
    RunLoop::start_epoch(epoch, first_batch);
  }

  nlohmann::json fingerprint() const override {
    return {{"network", start_.network.to_json()},
            {"method", recipe_.method},
            {"seed", recipe_.seed},
            {"samples", manifest_of(*data_.train.dataset)["keys_sha256"]},
            {"batch", batch_size_ * others_.size()},
            {"accumulate", recipe_.accumulate},
            {"total_steps", total_steps_}};
  }

  void restore(const Checkpoint& checkpoint) override {
    detector_.load(checkpoint);
    best_weights_ = checkpoint.part("best.");
    result_.best_step = checkpoint.state.at("best_step");
    if (const auto& best = checkpoint.state.at("best_loss"); !best.is_null()) best_loss_ = best.get<double>();
    // The line of a log period is the same however often it was resumed.
    period_loss_ = checkpoint.state.value("period_loss", 0.0);
    period_steps_ = checkpoint.state.value("period_steps", int64_t{0});
  }

  void store(Checkpoint& checkpoint) override {
    detector_.save(checkpoint);
    checkpoint.put("best.", best_weights_);
    checkpoint.state["best_step"] = result_.best_step;
    checkpoint.state["best_loss"] = std::isfinite(best_loss_) ? nlohmann::json(best_loss_) : nlohmann::json(nullptr);
    checkpoint.state["period_loss"] = period_loss_;
    checkpoint.state["period_steps"] = period_steps_;
  }

  void announce() const override {
    for (const auto& warning : data_.warnings) log::warn("{}", warning);
    log::info("{}", data_.meaning);
    for (const auto& note : start_.notes) log::info("{}: {}", recipe_.init, note);
    log::info("classes {} (attack: {}); {} pictures to learn from, {} for validation ({})", join(data_.classes, ", "),
              join(data_.attack_classes, ", "), data_.train.dataset->samples().size(),
              data_.validation.dataset->samples().size(), data_.validation_source);
    log::info("{} on {}, {}; {} steps of {} pictures, peak learning rate {:.3g}", recipe_.method, device_.str(),
              recipe_.precision, total_steps_, faces_per_step(), recipe_.peak_lr(faces_per_step()));
    if (!recipe_.per_domain_batches() && warmup_ < recipe_.warmup_epochs)
      log::info(
          "the task's warm-up of {:g} epochs is shortened to {:.3g}, a fifth of the run (--warmup-epochs overrides)",
          recipe_.warmup_epochs, warmup_);
  }

  int64_t faces_per_step() const { return int64_t{batch_size_} * recipe_.accumulate * others_.size(); }

  bool learn(const std::vector<Batch>& batches) override {
    const double peak = recipe_.peak_lr(faces_per_step());
    lr_ = recipe_.per_domain_batches()
              ? peak  // the anti-spoofing recipe keeps one rate
              : LearningRate{peak, std::min(recipe_.min_lr, peak), warmup_, epochs()}.at(epoch_now());
    losses_ = detector_.step(batches, lr_);
    if (losses_.skipped) return false;
    period_loss_ += losses_.total;
    ++period_steps_;
    return true;
  }

  void log_step(double seconds) override {
    const double mean = period_loss_ / std::max<double>(1.0, static_cast<double>(period_steps_));
    note_ =
        fmt::format("loss {:.4f}  lr {:.2e}{}", mean, lr_, skipped_ > 0 ? fmt::format("  {} skipped", skipped_) : "");
    if (log_)
      log_->scalars(
          "train", step_, epoch_now(),
          {{"loss", mean},
           {"lr", lr_},
           {"grad_norm", losses_.grad_norm},
           {"skipped", static_cast<double>(skipped_)},
           {"faces_per_second", static_cast<double>(period_steps_ * faces_per_step()) / std::max(seconds, 1e-9)},
           {"wait_seconds", loader_->wait_seconds()}});
    period_loss_ = 0;
    period_steps_ = 0;
  }

  ValidationReport validation() {
    return validate(detector_, data_.validation, eval_, is_attack_, recipe_.val_batch_size, recipe_.workers,
                    &held_out_unreadable_);
  }

  void evaluate() override {
    if (!others_.is_main()) return;
    const ValidationReport report = validation();
    const bool better = std::isfinite(report.loss) && report.loss < best_loss_;
    if (better) {
      best_loss_ = report.loss;
      result_.best_step = step_;
      best_weights_.clear();
      for (const auto& [name, tensor] : module_state(detector_.network()))
        best_weights_.emplace(name, tensor.to(torch::kCPU).clone());
    }
    std::map<std::string, double> figures = {
        {"loss", report.loss}, {"accuracy", report.accuracy}, {"auc", report.auc}, {"video_auc", report.video_auc}};
    if (report.unreadable > 0) figures["unreadable"] = static_cast<double>(report.unreadable);
    log_->scalars("validation", step_, epoch_now(), figures);
    if (visible_)
      log::info("validation, step {}: loss {:.4f}, AUC {:.4f} (videos {:.4f}), accuracy {:.3f}{}", step_, report.loss,
                report.auc, report.video_auc, report.accuracy, better ? "  *" : "");
  }

  // The best weights, once more over the validation set: figures, temperature, threshold, model file.
  void finish() {
    if (!best_weights_.empty()) load_module_state(detector_.network(), best_weights_);
    result_.validation = validation();
    const std::string validation_name = data_.validation.dataset->info().name + " (" + data_.validation_source + ")";
    result_.fitted = fit_point(result_.validation, is_attack_, validation_name);
    ModelCard card;
    card.name = recipe_.out.stem().string();
    card.kind = "detector";
    card.architecture = "vit";
    card.config = start_.network.to_json();
    card.task = recipe_.task;
    card.classes = data_.classes;
    card.attack_classes = data_.attack_classes;
    card.mean = normalization_.mean;
    card.std = normalization_.std;
    if (start_.card) card.crop_scale = start_.card->crop_scale;
    // How the faces it learned from were found; nobody knows of plain folders, so it is the program's own way.
    card.face_detector = face_detector_of(*data_.train.dataset);
    if (card.face_detector.empty()) card.face_detector = default_face_detector();
    card.resize = eval_.transform.name();
    if (const auto& fitted = result_.fitted) {
      card.threshold = fitted->point.threshold;
      card.threshold_source = fitted->point.source;
      card.temperature = fitted->point.temperature;
      card.abstain = fitted->point.abstain;
      card.calibration = {{"ece", fitted->ece}, {"data", validation_name}, {"roc", roc_for_card(fitted->point)}};
    }
    card.training = {{"recipe", recipe_text_},
                     {"init", recipe_.init},
                     {"method", recipe_.method},
                     {"steps", step_},
                     {"best_step", result_.best_step},
                     {"skipped_steps", skipped_},
                     {"pictures_per_step", faces_per_step()},
                     {"seed", recipe_.seed},
                     {"data", manifest_of(*data_.train.dataset)},
                     {"validation", manifest_of(*data_.validation.dataset)},
                     {"finished", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
                     {"program", "fsfm " FSFM_VERSION}};
    if (unreadable_.size() > 0) card.training["unreadable"] = unreadable_.to_json();
    if (start_.card) card.training["pretraining"] = start_.card->training;
    if (!start_.notes.empty()) card.training["import"] = start_.notes;
    const auto figure = [](double value) {
      return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
    };
    card.metrics["validation"] = {{"data", validation_name},
                                  {"loss", figure(result_.validation.loss)},
                                  {"auc", figure(result_.validation.auc)},
                                  {"video_auc", figure(result_.validation.video_auc)},
                                  {"accuracy", result_.validation.accuracy}};
    if (result_.validation.unreadable > 0) card.metrics["validation"]["unreadable"] = result_.validation.unreadable;
    if (result_.fitted) card.metrics["validation"]["eer"] = result_.fitted->eer;
    card.licence = "weights: as the licences of the training data allow (" + data_.train.dataset->info().name + ")";
    write_model(recipe_.out, card, ModuleTensors(detector_.network()).map());
    result_.model = recipe_.out;
  }

  const FinetuneRecipe& recipe_;
  FinetuneData data_;
  StartingPoint start_;
  Normalization normalization_;
  DetectorLearner detector_;
  EvalBatchOptions eval_;
  std::vector<uint8_t> is_attack_;
  int batch_size_ = 0;
  std::shared_ptr<const Dataset> train_;  // outlives the loader, which refers to it
  std::optional<Loader> loader_;
  std::map<std::string, torch::Tensor> best_weights_;
  DetectorLosses losses_;  // of the last step
  double warmup_ = 0;      // epochs
  double lr_ = 0, best_loss_ = INFINITY, period_loss_ = 0;
  int64_t period_steps_ = 0;
  FinetuneResult result_;
};

}  // namespace

FinetuneResult finetune(FinetuneRecipe recipe, const std::string& recipe_text, bool visible, Communicator& others) {
  recipe.resolve();
  return with_libtorch([&] { return FinetuneRun(recipe, recipe_text, visible, others).run(); });
}

}  // namespace fsfm
