#include "train/pretrain/pretrain.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "face/face_detector.h"
#include "media/codec.h"
#include "model/model_file.h"
#include "nn/weights.h"
#include "report/pretrain_page.h"
#include "report/pretrain_pictures.h"
#include "train/data_split.h"
#include "train/init_weights.h"
#include "train/pretrain/feature_map.h"
#include "train/pretrain/pretrain_data.h"
#include "train/pretrain/pretrain_start.h"
#include "train/pretrain/pretrain_step.h"
#include "train/run_log.h"
#include "train/run_loop.h"
#include "train/schedule.h"

namespace fsfm {
namespace {

constexpr int64_t kMapFaces = 150;  // of real faces and of attacks, in the page's feature map

// Sums over a log period. Kept in checkpoints, so that the line of a period is the same however often it was resumed.
struct Period {
  double total = 0, masked = 0, region = 0, similarity = 0, grad_norm = 0;
  int64_t steps = 0, faces = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Period, total, masked, region, similarity, grad_norm, steps, faces)

  void add(const PretrainLosses& losses, int64_t count) {
    if (losses.skipped) return;
    total += losses.total, masked += losses.masked, region += losses.region, similarity += losses.similarity;
    grad_norm += losses.grad_norm;
    ++steps;
    faces += count;
  }
};

class PretrainRun : public RunLoop {
 public:
  PretrainRun(const PretrainRecipe& recipe, StartingPoint start, const std::string& recipe_text, bool visible,
              Communicator& others)
      : RunLoop("pretrain", recipe, recipe.accumulate, recipe_text, visible, others),
        recipe_(recipe),
        start_(std::move(start)),
        data_(open_pretrain_data(recipe, samples_, unreadable_)),
        batch_options_(batch_options()),
        learner_(step_options(), device_, others),
        loader_(*data_.train,
                {.batch_size = recipe.batch_size,
                 .workers = recipe.workers,
                 .seed = recipe.seed,
                 .rank = others.rank(),
                 .world_size = others.size(),
                 .unreadable = &unreadable_},
                make_pretrain_filler(batch_options_), make_pretrain_batch(batch_options_, recipe.batch_size)) {
    steps_per_epoch_ = loader_.batches_per_epoch() / recipe.accumulate;
    if (steps_per_epoch_ == 0)
      throw Error(fmt::format("an epoch has {} batches, too few for --accumulate {}", loader_.batches_per_epoch(),
                              recipe.accumulate),
                  "use a smaller --accumulate or --batch-size");
    total_steps_ = recipe.max_steps > 0 ? recipe.max_steps : steps_per_epoch_ * recipe.epochs;
  }

  PretrainResult run() {
    if (data_.held_out)
      held_out_unreadable_.set_limit("held-out data", data_.held_out->samples().size(), recipe_.max_bad_share);
    begin();
    if (step_ == 0) evaluate();
    if (step_ == total_steps_) judge_held_out();  // a finished run was resumed: its model file is written again
    run_steps();
    result_.interrupted = interrupted_;
    if (!result_.interrupted && others_.is_main()) write_model_file();
    if (others_.is_main()) write_page();
    others_.barrier();
    result_.steps = step_;
    result_.skipped = skipped_;
    result_.unreadable = unreadable_.size();
    result_.run_folder = recipe_.run_folder();
    return result_;
  }

 private:
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

  void restore(const Checkpoint& checkpoint) override {
    learner_.load(checkpoint);
    if (const auto& best = checkpoint.state.at("best"); !best.is_null()) best_ = best.get<double>();
    period_ = checkpoint.state.value("period", Period{});
    result_.first_loss = checkpoint.state.value("first_loss", 0.0);
    result_.last_loss = checkpoint.state.value("last_loss", 0.0);
  }

  void store(Checkpoint& checkpoint) override {
    learner_.save(checkpoint);
    checkpoint.state["best"] = best_ ? nlohmann::json(*best_) : nlohmann::json(nullptr);
    checkpoint.state["period"] = period_;
    checkpoint.state["first_loss"] = result_.first_loss;
    checkpoint.state["last_loss"] = result_.last_loss;
  }

  void start_afresh() override {
    if (recipe_.init.empty()) return;
    LoadOptions load;
    load.source = recipe_.init.string();
    load.may_miss = {""};  // any part: an encoder alone is a fine start
    load_initial_weights(*learner_.online(), start_.weights.tensors, load);
    learner_.restart_target();
  }

  void announce() const override {
    for (const auto& remark : data_.remarks) log::info("{}", remark);
    for (const auto& note : start_.notes) log::info("{}: {}", recipe_.init.string(), note);
    log::info("{} real faces, {} held out; ViT-{} on {}, {}; {} steps of {} faces, peak learning rate {:.3g}",
              data_.train->samples().size(), data_.held_out ? data_.held_out->samples().size() : 0, recipe_.model,
              device_.str(), recipe_.precision, total_steps_, faces_per_step(), recipe_.peak_lr(others_.size()));
  }

  nlohmann::json fingerprint() const override {
    return {{"network", recipe_.network().to_json()},
            {"samples", manifest_of(*data_.train)["keys_sha256"]},
            {"seed", recipe_.seed},
            {"batch", recipe_.batch_size * others_.size()},
            {"accumulate", recipe_.accumulate},
            {"total_steps", total_steps_}};
  }

  int64_t faces_per_step() const { return int64_t{recipe_.batch_size} * recipe_.accumulate * others_.size(); }
  Loader& loader() override { return loader_; }
  const Dataset& training_data() const override { return *data_.train; }
  Normalization normalization() const override { return data_.normalization; }

  bool learn(const std::vector<Batch>& batches) override {
    // Schedules run over the whole run, so --max-steps shortens them instead of cutting them off.
    const double progress = static_cast<double>(step_) / static_cast<double>(total_steps_);
    const LearningRate rate{recipe_.peak_lr(others_.size()), recipe_.min_lr, recipe_.warmup(),
                            static_cast<double>(recipe_.epochs)};
    lr_ = rate.at(progress * recipe_.epochs);
    const std::vector<double> momenta = momenta_now();
    momentum_ = momenta.back();
    const PretrainLosses losses = learner_.step(batches, lr_, momenta);
    period_.add(losses, faces_per_step());
    return !losses.skipped;
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

  void log_step(double seconds) override {
    const double n = std::max<double>(1.0, static_cast<double>(period_.steps));
    const double loss = period_.total / n;
    if (result_.first_loss == 0) result_.first_loss = loss;
    result_.last_loss = loss;
    note_ = fmt::format("loss {:.4f}  lr {:.2e}", loss, lr_);
    if (skipped_ > 0) note_ += fmt::format("  {} skipped", skipped_);
    if (log_) {
      log_->scalars("train", step_, epoch_now(),
                    {{"loss", loss},
                     {"loss_masked", period_.masked / n},
                     {"loss_region", period_.region / n},
                     {"loss_similarity", period_.similarity / n},
                     {"grad_norm", period_.grad_norm / n},
                     {"lr", lr_},
                     {"momentum", momentum_},
                     {"faces_per_second", static_cast<double>(period_.faces) / std::max(seconds, 1e-9)},
                     {"wait_seconds", loader_.wait_seconds()},
                     {"skipped", static_cast<double>(skipped_)}});
    }
    period_ = {};
  }

  ReconstructionOptions reconstruction_options() {
    return {.batch = batch_options_,
            .norm_pix = recipe_.norm_pix,
            .precision = parse_precision(recipe_.precision),
            .batch_size = std::min(recipe_.batch_size, 32),
            .workers = recipe_.workers,
            .unreadable = &held_out_unreadable_};
  }

  void judge_held_out() {
    if (!data_.held_out || !others_.is_main()) return;
    result_.held_out = evaluate_reconstruction(learner_.online(), device_, *data_.held_out, reconstruction_options());
  }

  void evaluate() override {
    judge_held_out();
    if (!result_.held_out) return;
    const ReconstructionReport& report = *result_.held_out;
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
    if (report.unreadable > 0) log_->event("held_out_unreadable", step_, epoch_now(), {{"count", report.unreadable}});
    save_reconstructions();
    if (visible_)
      log::info(
          "held out, step {}: error {:.4f} per patch-normalised pixel (mean-colour baseline {:.4f}), {:.4f} per pixel "
          "(baseline {:.4f}){}",
          step_, report.patch_mse, report.patch_baseline, report.pixel_mse, report.pixel_baseline,
          report.unreadable > 0 ? fmt::format("; {} faces cannot be read", report.unreadable) : "");
  }

  void save_reconstructions() {
    const int faces = static_cast<int>(data_.examples->samples().size());
    const Image sheet =
        reconstruction_sheet(learner_.online(), device_, *data_.examples, reconstruction_options(), faces);
    if (sheet.empty()) return;
    const fs::path pictures = recipe_.run_folder() / "reconstructions";
    fs::create_directories(pictures);
    write_image(pictures / fmt::format("step-{:09d}.png", step_), sheet);
    log_->image("reconstruction", step_, sheet);
  }

  void write_page() {
    report::PretrainPageFacts facts;
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
    facts.unreadable = unreadable_.size();
    if (data_.held_out) {
      facts.masks = report::mask_examples(*data_.examples, batch_options_);
      facts.attention = attention_picture();
    }
    if (data_.held_out && data_.attacks)
      facts.points = feature_map(learner_.online(), device_, parse_precision(recipe_.precision), data_.normalization,
                                 {data_.held_out, data_.attacks}, kMapFaces);
    facts.log = RunLog::read(recipe_.run_folder());
    report::write_pretrain_page(recipe_.run_folder(), facts);
  }

  Image attention_picture() {
    auto faces = report::example_faces(*data_.examples, batch_options_);
    if (faces.count == 0) return {};
    const auto images = torch::from_blob(faces.images.data(), {faces.count, 3, faces.side, faces.side});
    const auto attention = class_attention(learner_.online(), device_, images);  // [B, H, L]
    return report::attention_sheet(faces, batch_options_.normalization,
                                   {attention.data_ptr<float>(), static_cast<size_t>(attention.numel())},
                                   static_cast<int>(attention.size(1)), recipe_.network().encoder.grid());
  }

  void write_model_file() {
    ModelCard card;
    card.name = recipe_.out.stem().string();
    card.kind = "pretrain";
    card.architecture = "fsfm";
    card.config = recipe_.network().to_json();
    card.mean = data_.normalization.mean;
    card.std = data_.normalization.std;
    card.resize = whole_view(recipe_.img_size);
    card.face_detector = face_detector_of(*data_.train);
    if (card.face_detector.empty()) card.face_detector = default_face_detector();
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
    if (unreadable_.size() > 0) card.training["unreadable"] = unreadable_.to_json();
    card.metrics = {{"train_loss", result_.last_loss}};
    if (const auto& report = result_.held_out)
      card.metrics["held_out"] = {{"faces", report->faces},
                                  {"patch_mse", report->patch_mse},
                                  {"patch_baseline", report->patch_baseline},
                                  {"pixel_mse", report->pixel_mse},
                                  {"pixel_baseline", report->pixel_baseline},
                                  {"region_mse", report->region_mse}};
    if (const auto& report = result_.held_out; report && report->unreadable > 0)
      card.metrics["held_out"]["unreadable"] = report->unreadable;
    card.licence = "weights: as the licences of the training data allow (" + data_.train->info().name + ")";
    write_model(recipe_.out, card, ModuleTensors(*learner_.online()).map());
    result_.model = recipe_.out;
  }

  const PretrainRecipe& recipe_;
  StartingPoint start_;
  PretrainData data_;
  PretrainBatchOptions batch_options_;
  PretrainLearner learner_;
  Loader loader_;
  std::optional<double> best_;
  double lr_ = 0, momentum_ = 0;  // of the last step
  Period period_;
  PretrainResult result_;
};

}  // namespace

PretrainResult pretrain(const PretrainRecipe& given, const std::string& recipe_text, bool visible,
                        Communicator& others) {
  PretrainRecipe recipe = given;
  recipe.check();
  StartingPoint start = adopt_initial_weights(recipe);
  recipe.check();
  return with_libtorch([&] { return PretrainRun(recipe, std::move(start), recipe_text, visible, others).run(); });
}

}  // namespace fsfm
