#include "train/parser/train_parser.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/folder_lock.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/text.h"
#include "face/parsing_dataset.h"
#include "model/model_file.h"
#include "train/adamw.h"
#include "train/checkpoint.h"
#include "train/parser/parse_augment.h"
#include "train/schedule.h"

namespace fsfm {
namespace {

constexpr double kMostNorm = 5;  // of all gradients together

struct Views {
  torch::Tensor images;   // [B,S,S,3] uint8
  torch::Tensor classes;  // [B,S,S] int64
};

std::vector<LabelledFace> read_faces(const fs::path& folder, const std::string& layout,
                                     const TrainParserOptions& options) {
  constexpr size_t kNamed = 5;
  std::vector<std::string> unreadable;
  auto faces = read_labelled_faces(folder, layout, true, &unreadable);
  if (unreadable.empty()) return faces;
  const size_t bad = unreadable.size(), all = bad + faces.size();
  unreadable.resize(std::min(bad, kNamed));
  const std::string names =
      join(unreadable, "; ") + (bad > kNamed ? "; and " + std::to_string(bad - kNamed) + " more" : "");
  const std::string what =
      folder.string() + ": " + std::to_string(bad) + " of " + std::to_string(all) + " labelled faces cannot be read";
  if (static_cast<double>(bad) > options.max_bad_share * static_cast<double>(all) + 1e-9)
    throw Error(what + ": " + names, "mend or remove them, or allow more with --max-bad-share");
  log::warn("{} and are left out: {}", what, names);
  return faces;
}

class ViewSource {
 public:
  explicit ViewSource(const TrainParserOptions& options) : options_(options) {
    for (const auto& folder : options.data) append(faces_, read_faces(folder, options.layout, options));
    for (const auto& folder : options.extra) append(extra_, read_faces(folder, "lapa-11", options));
    if (static_cast<int>(faces_.size()) < options.batch_size) {
      throw Error("train-parser: only " + std::to_string(faces_.size()) + " labelled faces",
                  "use a smaller --batch-size");
    }
  }

  size_t size() const { return faces_.size() + extra_.size(); }
  int64_t steps_per_epoch() const { return static_cast<int64_t>(faces_.size()) / options_.batch_size; }

  // The batch of one step depends on seed and step alone.
  Views batch(int64_t step, int size) const {
    const int64_t epoch = step / steps_per_epoch(), first = step % steps_per_epoch() * options_.batch_size;
    std::vector<uint32_t> order(faces_.size());
    std::iota(order.begin(), order.end(), 0);
    Rng(options_.seed, 2 * epoch + 1).shuffle(std::span<uint32_t>(order));
    const int64_t count = options_.batch_size;
    Views views{torch::empty({count, size, size, 3}, torch::kUInt8), torch::empty({count, size, size}, torch::kInt64)};
    const int64_t pixels = int64_t{size} * size;
    for (int64_t i = 0; i < count; ++i) {
      Rng rng(options_.seed + 1, 1 + step * count + i);
      const bool use_extra = !extra_.empty() && rng.chance(options_.extra_share);
      const auto& face = use_extra ? extra_[rng.below(static_cast<uint32_t>(extra_.size()))] : faces_[order[first + i]];
      const auto view = rng.chance(options_.plain_share) ? plain_view(face, size, rng) : random_view(face, size, rng);
      std::copy(view.image.rgb.begin(), view.image.rgb.end(), views.images.data_ptr<uint8_t>() + i * pixels * 3);
      std::copy(view.classes.begin(), view.classes.end(), views.classes.data_ptr<int64_t>() + i * pixels);
    }
    return views;
  }

 private:
  static void append(std::vector<LabelledFace>& to, std::vector<LabelledFace> from) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
  }

  const TrainParserOptions& options_;
  std::vector<LabelledFace> faces_, extra_;
};

// [B,S,S,3] uint8 -> [B,3,S,S] float, normalised, channels last in memory.
torch::Tensor network_input(const torch::Tensor& images) {
  static const auto mean = torch::tensor({.485f, .456f, .406f}), std = torch::tensor({.229f, .224f, .225f});
  return ((images.to(torch::kFloat32) / 255 - mean) / std).permute({0, 3, 1, 2});
}

torch::Tensor upsample_to(const torch::Tensor& logits, int64_t height, int64_t width) {
  return torch::upsample_bilinear2d(logits, {height, width}, /*align_corners=*/false);
}

// Cross-entropy + soft Dice over the foreground classes of the batch, in which a brow counts as much as a field of
// hair. logits [B,C,S,S], classes [B,S,S].
torch::Tensor parsing_loss(const torch::Tensor& logits, const torch::Tensor& classes) {
  const auto log_p = logits.log_softmax(1);
  const auto cross_entropy = torch::nll_loss2d(log_p, classes, {}, at::Reduction::Mean, kIgnoredClass);
  const auto known = classes != kIgnoredClass;
  const auto p = log_p.exp();
  const auto p_true = p.gather(1, classes.masked_fill(~known, 0).unsqueeze(1)).squeeze(1);  // [B,S,S]
  // Per-class sums by index instead of a one-hot tensor eleven times the size of the labels.
  const auto flat = classes.masked_select(known);
  const auto overlap = torch::zeros({kFaceClasses}).index_add(0, flat, p_true.masked_select(known));
  const auto truth = torch::bincount(flat, {}, kFaceClasses).to(torch::kFloat32);
  const auto predicted = (p * known.unsqueeze(1)).sum({0, 2, 3});
  const auto dice = (2 * overlap + 1) / (truth + predicted + 1);
  return cross_entropy + (1 - dice.slice(0, 1).mean());
}

// The labels at the size of the logits: one pixel of each 2 x 2, the same one in the whole batch. Over the steps every
// pixel has its turn, at a quarter of the cost of the loss. [B,S,S] -> [B,S/2,S/2]
torch::Tensor every_second(const torch::Tensor& classes, Rng rng) {
  return classes.slice(1, rng.below(2), {}, 2).slice(2, rng.below(2), {}, 2).contiguous();
}

// Batch norm's running figures follow as the optimiser lets the averaged weights follow.
void average_buffers(ParseNet& ema, ParseNet& net, double decay) {
  torch::NoGradGuard no_grad;
  auto targets = ema->buffers(), sources = net->buffers();
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].is_floating_point())
      targets[i].lerp_(sources[i], 1 - decay);
    else
      targets[i].copy_(sources[i]);
  }
}

ParsingScore score_network(ParseNet& net, const std::vector<LabelledFace>& faces) {
  torch::NoGradGuard no_grad;
  ParsingScore score;
  net->eval();
  for (const auto& face : faces) {
    const int64_t height = face.image.height, width = face.image.width;
    const auto pixels =
        torch::from_blob(const_cast<uint8_t*>(face.image.rgb.data()), {1, height, width, 3}, torch::kUInt8);
    const int64_t size = net->config.img_size;
    const auto input = torch::_upsample_bilinear2d_aa(network_input(pixels).contiguous(), {size, size}, false);
    const auto predicted = upsample_to(net(input.contiguous(torch::MemoryFormat::ChannelsLast)), height, width)
                               .argmax(1)
                               .to(torch::kUInt8)
                               .contiguous();
    score.add(face.classes, {predicted.data_ptr<uint8_t>(), face.classes.size()});
  }
  net->train();
  return score;
}

// What a run is: the network, its averaged twin (the result), the optimiser.
struct State {
  ParseNet net, ema;
  AdamW optimizer;
  int64_t step = 0;

  State(const ParseNetConfig& config, const TrainParserOptions& options)
      : net(config), ema(config), optimizer(decay_groups(*net, options.weight_decay), {.beta2 = 0.999}) {
    load_module_state(*ema, module_state(*net));
    std::map<std::string, torch::Tensor> averages;
    for (auto& p : ema->named_parameters()) averages.emplace(p.key(), p.value().set_requires_grad(false));
    optimizer.attach_averages(averages);
  }

  void save(CheckpointFolder& folder, const nlohmann::json& fingerprint) const {
    Checkpoint checkpoint;
    checkpoint.put("net.", module_state(*net));
    checkpoint.put("ema.", module_state(*ema));
    checkpoint.put("optimizer.", optimizer.state());
    checkpoint.state = {{"step", step}, {"fingerprint", fingerprint}};
    folder.save(step, checkpoint);
  }

  void resume(const Checkpoint& checkpoint) {
    load_module_state(*net, checkpoint.part("net."));
    load_module_state(*ema, checkpoint.part("ema."));
    step = checkpoint.state.at("step");
    optimizer.load_state(checkpoint.part("optimizer."), step);
  }

  // The averaged weights of another run; optimiser and schedule begin anew.
  void start_from(const fs::path& file) {
    if (file.extension() == ".pt") {
      read_older(file);
    } else {
      load_module_state(*ema, read_checkpoint(file).part("ema."));
    }
    load_module_state(*net, module_state(*ema));
  }

  // checkpoint.pt, as fsfm 0.1 wrote it before checkpoints were safetensors.
  void read_older(const fs::path& file) {
    try {
      torch::serialize::InputArchive archive, averaged;
      archive.load_from(file.string());
      archive.read("ema", averaged);
      ema->load(averaged);
    } catch (const c10::Error& error) {
      throw Error(file.string() + ": not a checkpoint of this network (" + error.what_without_backtrace() + ")",
                  "give another --init, or none to start afresh");
    }
  }
};

// What must not change between the parts of one run.
nlohmann::json fingerprint_of(const TrainParserOptions& options, size_t faces) {
  return {{"faces", faces},
          {"layout", options.layout},
          {"extra_share", options.extra_share},
          {"epochs", options.epochs},
          {"batch_size", options.batch_size},
          {"img_size", options.img_size},
          {"small_size", options.small_size},
          {"small_share", options.small_share},
          {"plain_share", options.plain_share},
          {"lr", options.lr},
          {"weight_decay", options.weight_decay},
          {"warmup_epochs", options.warmup_epochs},
          {"ema", options.ema},
          {"seed", options.seed}};
}

void write_parser(const TrainParserOptions& options, const State& state, size_t faces, const ParsingScore& score) {
  const auto weights = state.ema->folded_weights();
  TensorMap tensors;
  for (const auto& [name, value] : weights) {
    tensors[name] = {
        DType::f32, value.sizes().vec(), {static_cast<const std::byte*>(value.data_ptr()), value.nbytes()}};
  }
  ModelCard card;
  card.name = "parser";
  card.kind = "parser";
  card.architecture = "parsenet";
  card.config = state.ema->config.to_json();
  for (const auto name : kFaceClassNames) card.classes.emplace_back(name);
  card.resize = "pillow-bilinear-" + std::to_string(state.ema->config.img_size);
  card.licence = options.licence;
  card.training = {{"data", options.data_note},      {"faces", faces},
                   {"label_layout", options.layout}, {"steps", state.step},
                   {"batch", options.batch_size},    {"lr", options.lr},
                   {"seed", options.seed},           {"weights", "exponential moving average, batch norm folded in"}};
  if (score.faces > 0) card.metrics = score.to_json();
  write_model(options.out / "parser.safetensors", card, tensors);
}

}  // namespace

TrainParserResult train_parser(const TrainParserOptions& options,
                               const std::function<void(const TrainParserProgress&)>& report,
                               const std::function<void(int, const ParsingScore&)>& scored) {
  const FolderLock lock(options.out);
  remove_half_written(options.out);
  torch::set_num_threads(thread_count(options.threads));
  torch::manual_seed(options.seed);
  const ViewSource source(options);
  const auto val = options.val.empty() ? std::vector<LabelledFace>{} : read_faces(options.val, options.layout, options);
  ParseNetConfig config;
  config.img_size = options.img_size;
  State state(config, options);
  const nlohmann::json fingerprint = fingerprint_of(options, source.size());
  CheckpointFolder checkpoints(options.out / "checkpoints", 1);
  checkpoints.remove_leftovers();
  if (options.overwrite) checkpoints.clear();
  if (const auto checkpoint = checkpoints.resume_point(true, false, fingerprint))
    state.resume(*checkpoint);
  else if (!options.overwrite && fs::exists(options.out / "checkpoint.pt"))
    throw Error(
        (options.out / "checkpoint.pt").string() + " was written by an older fsfm, which cannot be gone on with",
        "start from its weights: --init " + (options.out / "checkpoint.pt").string() + " --overwrite");
  else if (!options.init.empty())
    state.start_from(options.init);

  const int64_t per_epoch = source.steps_per_epoch(), steps = per_epoch * options.epochs;
  const LearningRate rate{
      .peak = options.lr, .warmup_epochs = options.warmup_epochs, .epochs = static_cast<double>(options.epochs)};
  const int full_size = state.net->config.img_size;
  const auto size_at = [&](int64_t step) {
    return step < options.small_share * steps ? options.small_size : full_size;
  };
  const auto fetch = [&](int64_t step) {
    return std::async(std::launch::async, [&source, step, size = size_at(step)] { return source.batch(step, size); });
  };
  auto next = fetch(state.step);
  ParsingScore score;
  while (state.step < steps && !options.stop.stop_requested()) {
    auto views = next.get();
    if (state.step + 1 < steps) next = fetch(state.step + 1);
    // At the middle of the step: neither the first nor the last one is lost.
    const double lr = rate.at((static_cast<double>(state.step) + 0.5) / static_cast<double>(per_epoch));
    auto logits = state.net(network_input(views.images));
    if (size_at(state.step) == full_size) {
      logits = upsample_to(logits, full_size, full_size);
    } else {
      views.classes = every_second(views.classes, Rng(options.seed + 2, state.step));
    }
    const auto loss = parsing_loss(logits, views.classes);
    state.optimizer.zero_grad();
    loss.backward();
    const double norm = state.optimizer.grad_norm();
    if (!std::isfinite(norm))
      throw Error("train-parser: the gradients of step " + std::to_string(state.step + 1) + " are not finite",
                  "start anew with a smaller --lr");
    const double decay = std::min(options.ema, (2.0 + state.step) / (11.0 + state.step));
    state.optimizer.step(lr, clip_factor(norm, kMostNorm), decay);
    ++state.step;
    average_buffers(state.ema, state.net, decay);
    report({state.step, steps, loss.item<double>(), lr});
    const bool last = state.step == steps, epoch_end = state.step % per_epoch == 0;
    if (epoch_end && (last || state.step / per_epoch % options.eval_every == 0)) {
      if (!val.empty()) scored(static_cast<int>(state.step / per_epoch), score = score_network(state.ema, val));
      write_parser(options, state, source.size(), score);
    }
    if (epoch_end) state.save(checkpoints, fingerprint);
  }
  if (state.step % per_epoch != 0) state.save(checkpoints, fingerprint);
  return {score, state.step < steps};
}

}  // namespace fsfm
