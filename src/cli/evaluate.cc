// fsfm evaluate --model D --data DIR...: how good a detector is, with intervals.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/class_options.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/default_model.h"
#include "cli/sources.h"
#include "data/dataset.h"
#include "data/shared_files.h"
#include "detect/evaluation.h"
#include "detect/robustness.h"
#include "detect/score_dataset.h"
#include "engine/vit.h"
#include "report/evaluation_report.h"

namespace fsfm::cli {

int run_evaluate_parser(int, char**);

namespace {

constexpr double kSuspiciousTemperature = 10;

struct Flags {
  std::filesystem::path model, compare, out, dev;
  std::vector<std::filesystem::path> data;
  ClassStatement stated;
  std::string split, dev_split;
  bool json = false, write_threshold = false, robust = false;
  double max_bpcer = 0;
  int batch_size = 16, threads = 0, resamples = 2000, robust_samples = 400;
  std::string precision = "auto";
  uint64_t seed = 0;
};

struct Network {
  ModelCard card;
  std::vector<uint8_t> is_attack;
  std::unique_ptr<VitEngine> engine;
  LogitFunction logits() const {
    return [this](std::span<const float> images, int batch) { return engine->logits(images, batch); };
  }
};

Network open_network(const std::filesystem::path& path, const Flags& flags) {
  const ModelFile file = ModelFile::open(path);
  if (file.card().classes.empty())
    throw Error(path.string() + ": a " + (file.card().kind.empty() ? "model" : file.card().kind + " model") +
                    " without classes scores nothing",
                "fine-tune it first (fsfm finetune --init " + path.string() + "), or see fsfm probe");
  Network network{file.card(), attack_mask(file.card()),
                  std::make_unique<VitEngine>(file, flags.threads, parse_engine_precision(flags.precision))};
  if (network.card.name.empty()) network.card.name = path.stem().string();
  return network;
}

ScoreOptions score_options(const Flags& flags, const std::string& label) {
  return {.batch_size = flags.batch_size,
          .threads = flags.threads,
          .progress_label = label,
          .show_progress = progress_visible(),
          .stop = interrupt_token()};
}

ScoredDataset score(const Source& source, const Network& network, const Flags& flags, const std::string& what = "") {
  ScoredDataset scored = score_dataset(*source.dataset, network.card, network.logits(),
                                       score_options(flags, what.empty() ? source.name : source.name + ", " + what));
  scored.name = source.name;
  warn_unreadable(scored);
  return scored;
}

void say_what_counts_as_attack(const ModelCard& card, const std::vector<ScoredDataset>& scored) {
  std::printf("%s: score = P(%s)\n", card.name.c_str(), join(card.attack_classes, " or ").c_str());
  for (const auto& data : scored) {
    std::map<std::string, size_t> counts;
    for (const auto& name : data.classes) ++counts[name];
    std::string attacks, real;
    for (const auto& [name, count] : counts) {
      const bool is_attack =
          std::find(data.attack_classes.begin(), data.attack_classes.end(), name) != data.attack_classes.end();
      std::string& list = is_attack ? attacks : real;
      list += fmt::format("{}{} ({})", list.empty() ? "" : ", ", name, count);
    }
    std::printf("%s: attack = %s; real = %s\n", data.name.c_str(), attacks.empty() ? "none" : attacks.c_str(),
                real.empty() ? "none" : real.c_str());
  }
}

void warn_of_shared_files(const Source& a, const Source& b, const char* consequence, int threads) {
  const SharedFiles shared = shared_files(*a.dataset, *b.dataset, threads);
  if (shared.count > 0)
    log::warn("{} of the {} pictures of {} are in {} too, e.g. {}: {}", shared.count, a.dataset->samples().size(),
              a.name, b.name, shared.example, consequence);
}

// A detector that is surely worse than chance reads the labels the other way round.
void warn_of_turned_labels(const Evaluation& evaluation, const ScoredDataset& scored) {
  constexpr size_t kEnough = 10;  // faces of each kind
  constexpr double kFarBelow = 0.35;
  const LevelFigures& level = evaluation.frames;
  if (level.attacks < kEnough || level.bona_fide < kEnough || !(level.curve.auc < kFarBelow) ||
      !(level.intervals.auc.high < 0.5))
    return;
  std::set<std::string> names(scored.classes.begin(), scored.classes.end());
  log::warn("{}: AUC {:.3f} is far below 0.5: are the labels turned ({}), or the model's classes?", scored.name,
            level.curve.auc,
            describe_classes(std::vector<std::string>(names.begin(), names.end()), scored.attack_classes));
}

OperatingPoint point_of(const ModelCard& card) {
  OperatingPoint point{card.temperature, card.threshold.value_or(0.5), card.threshold_source};
  if (!card.threshold) point.source = "0.5, because the model names none; fit one with --dev DIR --write-threshold";
  return point;
}

void write_point(const std::filesystem::path& path, const OperatingPoint& point, const ScoredDataset& development,
                 std::span<const uint8_t> is_attack) {
  const ModelFile file = ModelFile::open(path);
  if (file.path().extension() == ".json")
    throw Error(path.string() + ": a model in several files keeps its card in each of them",
                "join it first: fsfm convert " + path.string() + " ONE.safetensors");
  ModelCard card = file.card();
  card.threshold = point.threshold;
  card.threshold_source = point.source;
  card.temperature = point.temperature;
  card.abstain = point.abstain;  // the old band belongs to other scores
  card.calibration = {
      {"data", development.name},
      {"samples", development.size()},
      {"ece_before",
       metrics::calibration(development.labels, metrics::attack_scores(development.logits, is_attack)).ece},
      {"ece", metrics::calibration(development.labels,
                                   metrics::attack_scores(development.logits, is_attack, point.temperature))
                  .ece},
      {"roc", roc_for_card(point)}};
  write_model(file.path(), card, file.tensors());
}

// nullopt, with a warning, where a paired test has nothing to say.
std::optional<metrics::AucComparison> compare(const ScoredDataset& a, std::span<const uint8_t> attacks_a,
                                              double temperature_a, const ScoredDataset& b,
                                              std::span<const uint8_t> attacks_b, double temperature_b) {
  if (a.keys != b.keys)
    throw Error(a.name + ": the two models scored different faces (" + std::to_string(a.size()) + " and " +
                    std::to_string(b.size()) + "), so they cannot be compared",
                "a picture changed or vanished meanwhile: run it again");
  const auto videos_a =
      metrics::mean_per_video(a.labels, metrics::attack_scores(a.logits, attacks_a, temperature_a), a.videos);
  const auto videos_b =
      metrics::mean_per_video(b.labels, metrics::attack_scores(b.logits, attacks_b, temperature_b), b.videos);
  const auto attacks = std::count(videos_a.labels.begin(), videos_a.labels.end(), 1);
  if (attacks < 2 || videos_a.labels.size() - static_cast<size_t>(attacks) < 2) {
    log::warn("{}: a paired test needs at least two videos of real and two of attack faces; left out", a.name);
    return std::nullopt;
  }
  return metrics::compare_auc(videos_a.labels, videos_a.scores, videos_b.scores);
}

nlohmann::json to_json(const report::EvaluationReport& report) {
  nlohmann::json json{{"model", report.model_path},
                      {"name", report.card.name},
                      {"classes", report.card.classes},
                      {"attack_classes", report.card.attack_classes},
                      {"results", nlohmann::json::array()}};
  for (const auto& e : report.evaluations) json["results"].push_back(fsfm::to_json(e));
  for (const auto& c : report.comparisons)
    json["comparisons"].push_back({{"dataset", c.dataset},
                                   {"other", c.other},
                                   {"level", "video"},
                                   {"auc", c.videos.auc_a},
                                   {"auc_other", c.videos.auc_b},
                                   {"difference", c.videos.difference},
                                   {"low", c.videos.low},
                                   {"high", c.videos.high},
                                   {"p", c.videos.p_value},
                                   {"test", "DeLong, paired"}});
  for (const auto& r : report.robustness)
    json["robustness"].push_back({{"dataset", r.dataset},
                                  {"degradation", r.kind},
                                  {"strength", r.strength},
                                  {"meaning", r.meaning},
                                  {"auc", r.auc},
                                  {"apcer", r.apcer},
                                  {"bpcer", r.bpcer},
                                  {"low", r.interval.low},
                                  {"high", r.interval.high}});
  return json;
}

std::string dump(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

bool parse(Flags& flags, int argc, char** argv) {
  Options options("evaluate",
                  "Judge a detector on face crops it never saw: AUC, error rates and calibration with 95 % intervals");
  options.add("model", flags.model, "detector (.safetensors; default: the one that comes with fsfm)");
  options
      .add("data", flags.data,
           "prepared dataset or tree {train,val,test}/{real,fake,...}/; several give a cross-dataset table")
      .required();
  options.add("split", flags.split, "train, val or test (default: test where there is one, else everything)");
  add_class_options(options, flags.stated);
  options.add("json", flags.json, "print JSON instead of text").command_line_only();
  options.add("out", flags.out, "folder for report.html, metrics.json and scores.csv");
  options.add("dev", flags.dev, "development set: temperature and threshold are fitted on it, never on --data")
      .group("Threshold");
  options.add("dev-split", flags.dev_split, "its split (default: val where there is one, else everything)")
      .group("Threshold");
  options
      .add("max-bpcer", flags.max_bpcer, "choose the threshold for this rate of false alarms (default: equal errors)")
      .range(0, 1)
      .group("Threshold");
  options.add("write-threshold", flags.write_threshold, "store what --dev gave in the model file")
      .command_line_only()
      .group("Threshold");
  options.add("compare", flags.compare, "second detector: paired DeLong test on the same faces").group("Comparison");
  options.add("robust", flags.robust, "also judge degraded faces: seven kinds at five strengths").group("Robustness");
  options.add("robust-samples", flags.robust_samples, "faces of each dataset used for it, drawn at random; 0 = all")
      .range(0, 1e9)
      .group("Robustness");
  options.add("resamples", flags.resamples, "bootstrap resamples").range(100, 1'000'000).group("Running");
  options.add("seed", flags.seed, "of the bootstrap").group("Running");
  options.add("batch-size", flags.batch_size, "faces a forward pass").range(1, 1024).group("Running");
  options.add("threads", flags.threads, "0 = all cores").range(0, 4096).group("Running");
  options
      .add("precision", flags.precision,
           "of the products; auto: int8 for a model in int8 where that is fast, else fp32")
      .choices({"auto", "fp32", "bf16", "int8"})
      .group("Running");
  options.enable_recipe();
  options.enable_quiet();
  options.footer(
      "A score is always P(attack). Examples:\n"
      "  fsfm evaluate --model d.safetensors --data dfdc --out report\n"
      "  fsfm evaluate --model d.safetensors --data dfdc --dev dfdc --dev-split val --write-threshold\n"
      "A face parser is judged on hand-drawn maps (options: fsfm evaluate --parser shipped --help):\n"
      "  fsfm evaluate --parser shipped --data CelebAMask-HQ/val");
  if (!options.parse(argc, argv)) return false;
  if (flags.write_threshold && flags.model.empty())
    throw Error("--write-threshold changes a model file", "name it with --model");
  if (flags.write_threshold && flags.dev.empty())
    throw Error("--write-threshold needs scores to choose it on",
                "add --dev DIR, a development set (not the test set)");
  if ((flags.max_bpcer > 0 || !flags.dev_split.empty()) && flags.dev.empty())
    throw Error(std::string(flags.max_bpcer > 0 ? "--max-bpcer" : "--dev-split") + " needs a development set",
                "add --dev DIR");
  return true;
}

}  // namespace

int run_evaluate(int argc, char** argv) {
  // A parser has other data and other figures than a detector, so it has its own set of options.
  if (std::any_of(argv + 1, argv + argc,
                  [](std::string_view word) { return word == "--parser" || word.starts_with("--parser="); }))
    return run_evaluate_parser(argc, argv);
  Flags flags;
  if (!parse(flags, argc, argv)) return 0;
  const auto stopped = [] { return interrupted_exit("nothing was written"); };
  flags.model = model_or_default(flags.model);
  // Everything that can be wrong with the command line is found before the first face is scored.
  const Network network = open_network(flags.model, flags);
  const std::optional<Network> other =
      flags.compare.empty() ? std::nullopt : std::optional(open_network(flags.compare, flags));
  std::vector<Source> sources = open_sources(flags.data, flags.split, "test", flags.stated);
  for (const auto& source : sources) require_labels(*source.dataset);
  require_stated_classes(sources, flags.stated);
  std::optional<Source> development;
  if (!flags.dev.empty()) {
    development = open_source(flags.dev, flags.dev_split, "val", flags.stated);
    require_labels(*development->dataset);
    for (const auto& source : sources)
      if (source.dataset->location(0) == development->dataset->location(0))
        log::warn("{} is development and test set at once: its error rates come out too kind", development->name);
      else
        warn_of_shared_files(source, *development, "its error rates come out too kind", flags.threads);
  }
  for (size_t i = 0; i < sources.size(); ++i)
    for (size_t k = 0; k < i; ++k)
      warn_of_shared_files(sources[i], sources[k], "they are not two tests", flags.threads);
  if (!flags.out.empty()) make_out_folder(flags.out);

  OperatingPoint point = point_of(network.card);
  std::optional<ScoredDataset> development_scores;
  if (development) {
    development_scores = score(*development, network, flags, "development");
    if (!development_scores->complete) return stopped();
    point = fit_operating_point(development_scores->logits, network.is_attack, development_scores->labels,
                                development_scores->name, flags.max_bpcer);
    if (point.temperature > kSuspiciousTemperature)
      log::warn(
          "{}: the model's confidence says next to nothing here (temperature {:.1f}); its threshold will not carry far",
          development->name, point.temperature);
  }

  report::EvaluationReport report{network.card, flags.model.string(), {}};
  std::vector<ScoredDataset> scored;
  for (const auto& source : sources) {
    scored.push_back(score(source, network, flags));
    if (!scored.back().complete) return stopped();
    report.evaluations.push_back(
        evaluate(scored.back(), network.is_attack, point,
                 {.resamples = flags.resamples, .seed = flags.seed, .threads = flags.threads}));
    warn_of_turned_labels(report.evaluations.back(), scored.back());
    if (flags.robust) {
      const auto points =
          robustness_sweep(*source.dataset, network.card, network.logits(), point, score_options(flags, source.name),
                           {.samples = static_cast<size_t>(flags.robust_samples),
                            .seed = flags.seed,
                            .bootstrap = {.resamples = flags.resamples, .seed = flags.seed, .threads = flags.threads}});
      if (points.empty()) return stopped();
      report.robustness.insert(report.robustness.end(), points.begin(), points.end());
    }
    if (!other) continue;
    const auto theirs = score(source, *other, flags, other->card.name);
    if (!theirs.complete) return stopped();
    if (const auto result = compare(scored.back(), network.is_attack, point.temperature, theirs, other->is_attack,
                                    other->card.temperature))
      report.comparisons.push_back({source.name, other->card.name, *result});
  }

  if (flags.json) {
    std::fputs(dump(to_json(report)).c_str(), stdout);
  } else {
    say_what_counts_as_attack(network.card, scored);
    std::printf("threshold %.4f (%s), temperature %.3f\n\n", point.threshold, point.source.c_str(), point.temperature);
    std::fputs(report::evaluation_text(report).c_str(), stdout);
  }
  if (!flags.out.empty()) {
    report::evaluation_page(report).write(flags.out / "report.html");
    write_file_atomic(flags.out / "metrics.json", std::string_view(dump(to_json(report))));
    write_file_atomic(flags.out / "scores.csv",
                      std::string_view(scores_csv(scored, network.is_attack, point.temperature)));
    log::info("wrote {}", (flags.out / "report.html").string());
  }
  if (flags.write_threshold) {
    write_point(flags.model, point, *development_scores, network.is_attack);
    log::info("{}: threshold {:.4f} and temperature {:.3f} written", flags.model.string(), point.threshold,
              point.temperature);
  }
  return 0;
}

}  // namespace fsfm::cli
