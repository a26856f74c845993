// fsfm probe reconstruction|knn|attention --model M --data DIR...: what pretrained weights say of faces before any
// label was seen.
#include "cli/probe.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/class_options.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "data/store/open_dataset.h"
#include "detect/attention_probe.h"
#include "detect/knn_probe.h"
#include "media/resize.h"
#include "report/attention_page.h"

namespace fsfm::cli {

ScoreOptions probe_scoring(const ProbeFlags& flags, const Source& source) {
  return {.batch_size = flags.batch_size,
          .threads = flags.threads,
          .only = draw_faces(*source.dataset, {}, static_cast<size_t>(flags.samples), flags.seed),
          .progress_label = source.name,
          .show_progress = progress_visible(),
          .stop = interrupt_token()};
}

namespace {

constexpr size_t kShownFaces = 12;
constexpr int kShownSide = 160;

bool parse(ProbeFlags& flags, int argc, char** argv) {
  constexpr const char *kReconstruction = "Probe reconstruction", *kKnn = "Probe knn", *kRunning = "Running";
  Options options("probe", "Score faces with frozen weights, before any label was seen");
  options
      .positional("PROBE", flags.probe,
                  "reconstruction: hide each region of a face, score its reconstruction error; "
                  "knn: distance to the nearest real faces in feature space; "
                  "attention: how far, and how differently, the heads of each layer look")
      .required()
      .choices({"reconstruction", "knn", "attention"});
  options
      .add("model", flags.models,
           "pretrained model file (knn: any vision transformer of ours; attention: several of them)")
      .required();
  options
      .add("data", flags.data, "prepared datasets or trees {train,val,test}/{real,fake,...}/; real faces alone will do")
      .required();
  options.add("split", flags.split, "train, val or test (default: test where there is one, else everything)");
  add_class_options_or_none(options, flags.stated);
  options.add("samples", flags.samples, "faces of each dataset, drawn at random; 0 = all").range(0, 1e9);
  options.add("json", flags.json, "print JSON instead of text").command_line_only();
  options.add("out", flags.out, "folder for report.html, probe.json and scores.csv");
  options.add("draws", flags.draws, "masks a region and face, their errors averaged")
      .range(1, 1000)
      .group(kReconstruction);
  options.add("mask-ratio", flags.mask_ratio, "part of the patches that is hidden")
      .range(0.05, 0.95)
      .group(kReconstruction);
  options.add("parser", flags.parser, "finds the regions of faces without a parsing map: shipped, or a file")
      .group(kReconstruction);
  options.add("device", flags.device, "where to compute").choices({"auto", "cpu", "cuda"}).group(kReconstruction);
  options.add("precision", flags.precision, "number format").choices({"fp32", "bf16", "fp16"}).group(kReconstruction);
  options
      .add(
          "reference", flags.reference,
          "real faces to measure the distance from; with attacks among them also a k-NN classifier (default: the train "
          "split of --data)")
      .group(kKnn);
  options
      .add("reference-split", flags.reference_split, "its split (default: train where there is one, else everything)")
      .group(kKnn);
  options.add("neighbours", flags.neighbours, "nearest faces that count; never those of the same video")
      .range(1, 10000)
      .group(kKnn);
  options.add("seed", flags.seed, "of the draw of faces, the masks and the bootstrap").group(kRunning);
  options.add("resamples", flags.resamples, "bootstrap resamples").range(100, 1'000'000).group(kRunning);
  options.add("batch-size", flags.batch_size, "faces read at once").range(1, 1024).group(kRunning);
  options.add("threads", flags.threads, "0 = all cores").range(0, 4096).group(kRunning);
  options.enable_recipe();
  options.enable_quiet();
  options.footer(
      "Labels serve only to say afterwards what the scores are worth (AUC with 95 % interval). Examples:\n"
      "  fsfm probe reconstruction --model fsfm-b.safetensors --data dfdc --out probe\n"
      "  fsfm probe knn --model fsfm-b.safetensors --reference my-real-faces --data dfdc\n"
      "  fsfm probe attention --model mae.safetensors fsfm.safetensors --data my-real-faces --out probe");
  if (!options.parse(argc, argv)) return false;
  const std::pair<const char*, const char*> of_one[] = {
      {"draws", "reconstruction"},     {"mask-ratio", "reconstruction"},
      {"parser", "reconstruction"},    {"device", "reconstruction"},
      {"precision", "reconstruction"}, {"reference", "knn"},
      {"reference-split", "knn"},      {"neighbours", "knn"}};
  for (const auto& [option, probe] : of_one)
    if (flags.probe != probe && options.given(option))
      throw Error("fsfm probe " + flags.probe + " takes no --" + option, std::string("only ") + probe + " does");
  if (flags.probe != "attention" && flags.models.size() > 1)
    throw Error("fsfm probe " + flags.probe + " takes one --model", "run it once for each");
  if (flags.probe == "attention" && flags.data.size() > 1)
    throw Error("fsfm probe attention takes one --data", "it compares models on the same faces");
  return true;
}

// Column that speaks for a face: "all regions", or the distance.
const ProbeColumn& main_column(const ProbeScores& scores, const std::string& probe) {
  return probe == "knn" ? scores.columns.front() : scores.columns.back();
}

report::ProbedDataset summarize(const Source& source, ProbeScores scores, const ProbeFlags& flags) {
  report::ProbedDataset data;
  data.name = source.name;
  scores.faces.name = source.name;
  warn_unreadable(scores.faces);
  data.figures = probe_figures(scores, {.resamples = flags.resamples, .seed = flags.seed, .threads = flags.threads});
  data.faces = scores.faces.size();
  data.unlabelled = classes_text(source.dataset->info()) == kUnlabelledClass;
  data.attacks = static_cast<size_t>(std::count(scores.faces.labels.begin(), scores.faces.labels.end(), 1));
  data.unreadable = scores.faces.unreadable.size();
  const auto& main = main_column(scores, flags.probe).scores;
  data.without_face =
      static_cast<size_t>(std::count_if(main.begin(), main.end(), [](double s) { return std::isnan(s); }));
  if (!flags.out.empty()) {
    std::vector<size_t> order;
    for (size_t i = 0; i < main.size(); ++i)
      if (std::isfinite(main[i])) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return main[a] > main[b]; });
    order.resize(std::min(order.size(), kShownFaces));
    for (size_t i : order)
      data.suspicious.push_back({resize(source.dataset->load(scores.indices[i]).image, kShownSide, kShownSide),
                                 fmt::format("{:.3f}, {}", main[i], scores.faces.classes[i])});
  }
  data.scores = std::move(scores);
  return data;
}

// What the distance is measured from: --reference, or the train split of the data where another one is probed.
Source open_reference(const ProbeFlags& flags) {
  if (flags.reference.size() == 1) return open_source(flags.reference[0], flags.reference_split, "train", flags.stated);
  if (!flags.reference.empty()) {
    std::vector<std::unique_ptr<Dataset>> parts;
    std::string name;
    for (auto& source : open_sources(flags.reference, flags.reference_split, "train", flags.stated)) {
      name += (name.empty() ? "" : " + ") + source.name;
      parts.push_back(std::move(source.dataset));
    }
    return {concatenate(std::move(parts)), name};
  }
  const auto whole = open_dataset(flags.data[0], "", flags.stated);
  const auto splits = splits_of(*whole);
  const bool has_train = std::find(splits.begin(), splits.end(), "train") != splits.end();
  if (flags.data.size() != 1 || !has_train || splits.size() < 2 || flags.split == "train")
    throw Error("fsfm probe knn: no reference faces", "name real faces: --reference DIR");
  return open_source(flags.data[0], "train", "train", flags.stated);
}

Probe knn(const ModelFile& model, const ProbeFlags& flags, report::ProbeReport& report) {
  auto encoder = std::make_shared<FrozenEncoder>(model, flags.threads);
  const Source source = open_reference(flags);
  ProbeFlags everything = flags;
  everything.samples = 0;
  auto reference =
      std::make_shared<FaceFeatures>(encoder->features(*source.dataset, probe_scoring(everything, source)));
  KnnOptions options{.neighbours = flags.neighbours, .threads = flags.threads};
  report.meaning = fmt::format(
      "A score is where the mean distance to the {} nearest faces of the reference lies: 0.5 is the distance that {:g} "
      "% "
      "of its real faces exceed among each other.",
      flags.neighbours, 100 * options.false_alarms);
  reference->faces.name = source.name;
  warn_unreadable(reference->faces);
  const auto attacks = std::count(reference->faces.labels.begin(), reference->faces.labels.end(), 1);
  report.settings = {{"Reference", fmt::format("{}: {} real and {} attack faces", source.name,
                                               reference->faces.size() - static_cast<size_t>(attacks), attacks)},
                     {"Neighbours", std::to_string(flags.neighbours)}};
  if (!reference->faces.complete) return [reference](const Source&) { return ProbeScores{reference->faces, {}, {}}; };
  return [encoder, reference, options, &flags](const Source& probed) {
    const FaceFeatures features = encoder->features(*probed.dataset, probe_scoring(flags, probed));
    if (!features.faces.complete) return ProbeScores{features.faces, features.indices, {}};
    return knn_probe(*reference, features, options);
  };
}

// Prints the figures of every model on the same faces, and writes a page about them.
int run_attention(const ProbeFlags& flags) {
  const Source source = open_source(flags.data[0], flags.split, "test", flags.stated);
  if (!flags.out.empty()) make_out_folder(flags.out);
  std::vector<AttentionFigures> models;
  for (const auto& path : flags.models) {
    FrozenEncoder encoder(ModelFile::open(path), flags.threads);
    models.push_back(attention_probe(encoder, *source.dataset, probe_scoring(flags, source)));
    const auto namesakes = std::count_if(flags.models.begin(), flags.models.end(),
                                         [&](const auto& other) { return other.stem() == path.stem(); });
    models.back().model = (namesakes > 1 ? path : path.stem()).string();
    if (!models.back().complete) return interrupted_exit("nothing was written");
  }
  const std::string json =
      report::to_json(models, source.name).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fputs(flags.json ? json.c_str() : report::attention_text(models).c_str(), stdout);
  if (flags.out.empty()) return 0;
  report::attention_page(models, source.name).write(flags.out / "report.html");
  write_file_atomic(flags.out / "probe.json", std::string_view(json));
  log::info("wrote {}", (flags.out / "report.html").string());
  return 0;
}

}  // namespace

int run_probe(int argc, char** argv) {
  ProbeFlags flags;
  if (!parse(flags, argc, argv)) return 0;
  if (flags.probe == "attention") return run_attention(flags);
  const ModelFile model = ModelFile::open(flags.models[0]);
  const auto sources = open_sources(flags.data, flags.split, "test", flags.stated);
  require_stated_classes(sources, flags.stated);
  for (const auto& source : sources) log::info("{}: {}", source.name, classes_text(source.dataset->info()));
  if (!flags.out.empty()) make_out_folder(flags.out);

  report::ProbeReport report{.probe = flags.probe, .card = model.card(), .model_path = flags.models[0].string()};
  if (report.card.name.empty()) report.card.name = flags.models[0].stem().string();
  const Probe probe = flags.probe == "knn" ? knn(model, flags, report) : reconstruction_probe(model, flags, report);
  for (const auto& source : sources) {
    ProbeScores scores = probe(source);
    if (!scores.faces.complete) {
      return interrupted_exit("nothing was written");
    }
    report.datasets.push_back(summarize(source, std::move(scores), flags));
  }
  const std::string json = to_json(report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fputs(flags.json ? json.c_str() : report::probe_text(report).c_str(), stdout);
  if (flags.out.empty()) return 0;
  std::vector<ProbeScores> all;
  for (auto& data : report.datasets) all.push_back(data.scores);
  report::probe_page(report).write(flags.out / "report.html");
  write_file_atomic(flags.out / "probe.json", std::string_view(json));
  write_file_atomic(flags.out / "scores.csv", std::string_view(probe_csv(all)));
  log::info("wrote {}", (flags.out / "report.html").string());
  return 0;
}

}  // namespace fsfm::cli
