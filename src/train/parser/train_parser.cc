#include "train/parser/train_parser.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <numbers>
#include <numeric>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/folder_lock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/text.h"
#include "face/parsing_dataset.h"
#include "model/model_file.h"
#include "train/parser/parse_augment.h"

namespace fsfm {
namespace {

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

void average_into(ParseNet& ema, ParseNet& net, double decay) {
  torch::NoGradGuard no_grad;
  const auto blend = [&](torch::Tensor& to, const torch::Tensor& from) {
    if (to.is_floating_point())
      to.lerp_(from, 1 - decay);
    else
      to.copy_(from);
  };
  auto targets = ema->parameters(), sources = net->parameters();
  for (size_t i = 0; i < targets.size(); ++i) blend(targets[i], sources[i]);
  targets = ema->buffers(), sources = net->buffers();
  for (size_t i = 0; i < targets.size(); ++i) blend(targets[i], sources[i]);
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
  torch::optim::AdamW optimizer;
  int64_t step = 0;

  State(const ParseNetConfig& config, const TrainParserOptions& options)
      : net(config), ema(config), optimizer(parameter_groups(net, options)) {
    average_into(ema, net, 0.0);
    for (auto& p : ema->parameters()) p.set_requires_grad(false);
  }

  // One-dimensional parameters (norms, biases) are not decayed.
  static std::vector<torch::optim::OptimizerParamGroup> parameter_groups(ParseNet& net,
                                                                         const TrainParserOptions& options) {
    std::vector<torch::Tensor> decayed, plain;
    for (const auto& p : net->parameters()) (p.dim() > 1 ? decayed : plain).push_back(p);
    using Adam = torch::optim::AdamWOptions;
    return {{decayed, std::make_unique<Adam>(Adam(options.lr).weight_decay(options.weight_decay))},
            {plain, std::make_unique<Adam>(Adam(options.lr).weight_decay(0))}};
  }

  void save(const fs::path& file) {
    torch::serialize::OutputArchive archive, part;
    const auto add = [&](const char* name, auto& object) {
      torch::serialize::OutputArchive child(archive.compilation_unit());
      object.save(child);
      archive.write(name, child);
    };
    add("net", *net);
    add("ema", *ema);
    add("optimizer", optimizer);
    archive.write("step", torch::tensor(step), true);
    std::ostringstream stream;
    archive.save_to(stream);
    write_file_atomic(file, stream.str());
  }

  void load(const fs::path& file, bool everything) {
    try {
      torch::serialize::InputArchive archive;
      archive.load_from(file.string());
      const auto read = [&](const char* name, auto& object) {
        torch::serialize::InputArchive child;
        archive.read(name, child);
        object.load(child);
      };
      read(everything ? "net" : "ema", *net);
      read("ema", *ema);
      if (!everything) return;
      read("optimizer", optimizer);
      torch::Tensor saved;
      archive.read("step", saved, true);
      step = saved.item<int64_t>();
    } catch (const c10::Error& error) {
      throw Error(file.string() + ": not a checkpoint of this network (" + error.what_without_backtrace() + ")",
                  "give another --out, or remove the file to start afresh");
    }
  }
};

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
  const auto checkpoint = options.out / "checkpoint.pt";
  fs::create_directories(options.out);
  if (fs::exists(checkpoint))
    state.load(checkpoint, true);
  else if (!options.init.empty())
    state.load(options.init, false);
  for (auto& p : state.net->parameters()) {
    if (p.dim() == 4) p.set_data(p.data().contiguous(torch::MemoryFormat::ChannelsLast));
  }

  const int64_t per_epoch = source.steps_per_epoch(), steps = per_epoch * options.epochs;
  const double warmup = options.warmup_epochs * per_epoch;
  const int full_size = state.net->config.img_size;
  const auto size_at = [&](int64_t step) {
    return step < options.small_share * steps ? options.small_size : full_size;
  };
  const auto fetch = [&](int64_t step) {
    return std::async(std::launch::async, [&source, step, size = size_at(step)] { return source.batch(step, size); });
  };
  auto next = fetch(state.step);
  ParsingScore score;
  while (state.step < steps && !interrupted()) {
    auto views = next.get();
    if (state.step + 1 < steps) next = fetch(state.step + 1);
    const double done = static_cast<double>(state.step);
    const double lr =
        options.lr * (done < warmup ? (done + 1) / warmup
                                    : 0.5 * (1 + std::cos(std::numbers::pi * (done - warmup) / (steps - warmup))));
    for (auto& group : state.optimizer.param_groups()) static_cast<torch::optim::AdamWOptions&>(group.options()).lr(lr);
    auto logits = state.net(network_input(views.images));
    if (size_at(state.step) == full_size) {
      logits = upsample_to(logits, full_size, full_size);
    } else {
      views.classes = every_second(views.classes, Rng(options.seed + 2, state.step));
    }
    const auto loss = parsing_loss(logits, views.classes);
    state.optimizer.zero_grad();
    loss.backward();
    torch::nn::utils::clip_grad_norm_(state.net->parameters(), 5.0);
    state.optimizer.step();
    ++state.step;
    average_into(state.ema, state.net, std::min(options.ema, (1.0 + state.step) / (10.0 + state.step)));
    report({state.step, steps, loss.item<double>(), lr});
    const bool last = state.step == steps, epoch_end = state.step % per_epoch == 0;
    if (epoch_end && (last || state.step / per_epoch % options.eval_every == 0)) {
      if (!val.empty()) scored(static_cast<int>(state.step / per_epoch), score = score_network(state.ema, val));
      write_parser(options, state, source.size(), score);
    }
    if (epoch_end) state.save(checkpoint);
  }
  state.save(checkpoint);
  return {score, state.step < steps};
}

}  // namespace fsfm
