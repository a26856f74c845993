#include "report/folder_report.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/store/manifest.h"
#include "data/store/open_dataset.h"
#include "detect/verdict_json.h"
#include "media/codec.h"
#include "metrics/roc.h"
#include "model/model_file.h"
#include "report/charts.h"
#include "report/face_gallery.h"
#include "tensorio/json.h"

namespace fsfm::report {
namespace {

using nlohmann::json;

constexpr size_t kGalleryFaces = 12;
constexpr int kTile = 168;

std::vector<json> read_lines(const fs::path& file) {
  std::vector<json> lines;
  for (const auto& line : split(read_file(file), '\n')) {
    json value = parse_json_or_discard(line);
    if (value.is_object()) lines.push_back(std::move(value));
  }
  return lines;
}

// The value under `key`; `otherwise` where there is none of its type. Logs and verdicts may come from anywhere.
template <class T>
T value_of(const json& entry, const std::string& key, T otherwise) {
  const auto found = entry.find(key);  // none in what is no object
  if (found == entry.end()) return otherwise;
  try {
    return found->get<T>();
  } catch (const json::exception&) {
    return otherwise;
  }
}

// Faces of each class, a column a split.
Table class_table(const Dataset& dataset) {
  const std::vector<std::string> splits = splits_of(dataset);
  Table table{"Classes", {"class"}, {}};
  for (const auto& split : splits)
    table.columns.push_back(!split.empty() ? split : splits.size() == 1 ? "faces" : "no split");
  std::vector<std::vector<size_t>> counts(dataset.info().classes.size(), std::vector<size_t>(splits.size()));
  for (const auto& sample : dataset.samples())
    ++counts.at(static_cast<size_t>(sample.label))
          .at(static_cast<size_t>(std::find(splits.begin(), splits.end(), sample.split) - splits.begin()));
  for (size_t c = 0; c < counts.size(); ++c) {
    const ClassKind kind = kind_of_label(dataset.info(), static_cast<int>(c));
    std::vector<Cell> row = {Cell(dataset.info().classes[c], kind == ClassKind::attack ? "attack"
                                                             : kind == ClassKind::real ? "real"
                                                                                       : "")};
    for (const size_t n : counts[c]) row.emplace_back(with_thousands(static_cast<long long>(n)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

void add_dataset(HtmlPage& page, const fs::path& folder) {
  const auto dataset = open_dataset(folder);
  const auto faces = face_gallery(*dataset, kGalleryFaces, kTile);
  const auto has_map = [](const GalleryFace& face) { return face.regions.rgb != face.face.rgb; };
  const bool maps = std::any_of(faces.begin(), faces.end(), has_map);
  page.section("Faces: " + dataset->info().name,
               fmt::format("{} faces{}. Nothing vanishes: every input is counted.",
                           with_thousands(static_cast<long long>(dataset->samples().size())),
                           maps ? ", with the class of every pixel beside them" : ""));
  page.table(class_table(*dataset));
  const Manifest manifest = Manifest::read(folder / "manifest.json");
  std::vector<std::pair<std::string, uint64_t>> outcomes(manifest.outcomes.begin(), manifest.outcomes.end());
  std::stable_sort(outcomes.begin(), outcomes.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  Table table{"What became of the inputs", {"outcome", "inputs"}, {}};
  for (const auto& [outcome, count] : outcomes)
    table.rows.push_back({Cell(outcome), Cell(with_thousands(static_cast<long long>(count)))});
  if (!table.rows.empty()) page.table(table);
  std::vector<Picture> pictures;
  for (const GalleryFace& face : faces) pictures.push_back({has_map(face) ? side_by_side(face) : face.face, face.key});
  page.images(pictures, maps ? 2 * kTile : kTile);
}

Series series(const std::vector<json>& lines, const std::string& kind, const std::string& key,
              const std::string& name) {
  Series s{.name = name};
  for (const auto& line : lines) {
    const double step = value_of(line, "step", metrics::kNaN), value = value_of(line, key, metrics::kNaN);
    if (value_of(line, "kind", std::string()) != kind || !std::isfinite(step) || !std::isfinite(value)) continue;
    s.x.push_back(step);
    s.y.push_back(value);
  }
  return s;
}

void add_line_chart(std::vector<Chart>& charts, const std::string& title, const std::string& caption,
                    std::vector<Series> list) {
  std::erase_if(list, [](const Series& s) { return s.x.size() < 2; });
  for (size_t i = 0; i < list.size(); ++i) list[i].color = static_cast<int>(i);
  if (list.empty()) return;
  charts.push_back(
      {line_chart({.title = title, .x = {.label = "step"}, .y = {}, .series = std::move(list)}), title, caption});
}

void add_card(HtmlPage& page, const fs::path& model) {
  if (!path_exists(model)) return;
  const ModelFile file = ModelFile::open(model);
  const ModelCard& card = file.card();
  int64_t parameters = 0;
  for (const auto& [name, tensor] : file.tensors()) parameters += tensor.count();
  std::vector<std::pair<std::string, std::string>> pairs = {{"model file", to_utf8(model.filename().string())},
                                                            {"architecture", card.architecture},
                                                            {"parameters", with_thousands(parameters)}};
  if (!card.classes.empty())
    pairs.emplace_back("classes", join(card.classes, ", ") + " (attack: " + join(card.attack_classes, ", ") + ")");
  if (card.threshold)
    pairs.emplace_back("threshold", fmt::format("{:.3f} ({})", *card.threshold, card.threshold_source));
  if (card.abstain)
    pairs.emplace_back("inconclusive", fmt::format("{:.3f} to {:.3f}", (*card.abstain)[0], (*card.abstain)[1]));
  if (!card.licence.empty()) pairs.emplace_back("licence", card.licence);
  page.key_values(pairs);
  if (card.abstain && (*card.abstain)[0] <= 0 && (*card.abstain)[1] >= 1)
    page.note(
        "On its validation faces this detector hardly beats guessing, so it abstains on every face. More faces and "
        "more steps are the way out.");
}

void add_run(HtmlPage& page, const fs::path& folder) {
  const auto lines = read_lines(folder / "log.jsonl");
  const std::string name = to_utf8(folder.stem().string());
  std::vector<Chart> charts;
  const Series pixel = series(lines, "held_out", "pixel_mse", "network"),
               baseline = series(lines, "held_out", "pixel_baseline", "mean colour");
  if (!pixel.y.empty() && !baseline.y.empty()) {
    page.section("Pretraining: " + name,
                 "Three quarters of each face are hidden; the network paints them from the rest.");
    page.cards({{fmt::format("{:.0f} %", 100 * pixel.y.back() / baseline.y.back()), "of the mean-colour error",
                 "held-out faces, hidden patches"},
                {with_thousands(static_cast<long long>(pixel.x.back())), "steps", ""}});
    add_line_chart(charts, "Error on held-out faces",
                   "Squared error of hidden patches; painting each with its true mean colour gives the flat line.",
                   {pixel, baseline});
    add_line_chart(charts, "Training loss", "Masked and covered-region reconstruction, per-patch normalised.",
                   {series(lines, "train", "loss_masked", "masked"), series(lines, "train", "loss_region", "region")});
  } else {
    page.section("Transfer: " + name, "The pretrained encoder learns to tell real from forged.");
    const Series auc = series(lines, "validation", "auc", "faces");
    if (!auc.y.empty())
      page.cards({{fmt::format("{:.2f}", auc.y.back()), "AUC at the last validation",
                   "held-out faces; 0.5 is chance, 1 is perfect"},
                  {with_thousands(static_cast<long long>(auc.x.back())), "steps", ""}});
    add_line_chart(charts, "Loss", "Of the training batches and of the held-out faces.",
                   {series(lines, "train", "loss", "training"), series(lines, "validation", "loss", "validation")});
    add_line_chart(charts, "AUC on held-out faces", "1 = every fake above every real face; 0.5 = chance.",
                   {auc, series(lines, "validation", "video_auc", "videos")});
  }
  if (!charts.empty()) page.charts(charts);
  const fs::path pictures = folder / "reconstructions";
  if (is_folder(pictures)) {
    const auto files = folder_entries(pictures);
    page.heading("Original, what the network sees, what it paints");
    std::vector<Picture> shown;
    for (const size_t i : std::set<size_t>{0, files.size() / 2, files.size() - 1})
      if (i < files.size()) shown.push_back({read_image(files[i]), to_utf8(files[i].stem().string())});
    page.images(shown, 320);
  }
  add_card(page, fs::path(folder).replace_extension(".safetensors"));
  if (path_exists(folder / "recipe.toml")) page.details("Recipe", read_file(folder / "recipe.toml"));
}

void add_verdicts(HtmlPage& page, const fs::path& file) {
  const std::vector<json> files = read_verdicts(file);
  page.section("Verdicts",
               "A score is P(attack). A face too small, too blurred, turned away or too near the threshold is "
               "inconclusive, with the reason.");
  Table table{"", {"picture", "face", "P(attack)", "verdict", "why"}, {}, true};
  std::vector<Picture> pictures;
  for (const auto& entry : files) {
    const fs::path input = value_of(entry, "file", std::string());
    const fs::path annotated = value_of(entry, "annotated", std::string());
    std::error_code code;
    if (fs::exists(annotated, code)) pictures.push_back({read_image(annotated), input.filename().string()});
    const auto add_row = [&](const std::string& which, const json& judged) {
      const double score = value_of(judged, "score", metrics::kNaN);
      if (std::isfinite(score) || which == "video")
        table.rows.push_back({Cell(input.filename().string()), Cell(which),
                              Cell(std::isfinite(score) ? fmt::format("{:.3f}", score) : ""),
                              Cell(value_of(judged, "verdict", std::string())),
                              Cell(value_of(judged, "why", std::string()))});
    };
    int number = 0;
    if (value_of(entry, "kind", std::string()) == "video") add_row("video", entry);
    const json faces = value_of(entry, "faces", json());
    if (faces.is_array())
      for (const auto& face : faces) add_row(std::to_string(++number), face);
    if (faces.is_array() && faces.empty())
      table.rows.push_back({Cell(input.filename().string()), Cell(""), Cell(""), Cell(""), Cell("no face found")});
    for (const char* problem : {"error", "skipped"})
      if (const std::string text = value_of(entry, problem, std::string()); !text.empty())
        table.rows.push_back({Cell(input.filename().string()), Cell(""), Cell(""), Cell(problem), Cell(text)});
  }
  page.images(pictures, 460);
  page.table(table);
}

}  // namespace

HtmlPage folder_page(const fs::path& dir, const std::string& title) {
  const fs::path folder = dir.has_filename() ? dir : dir.parent_path();  // without a slash at its end
  if (!is_folder(folder)) throw Error(folder.string() + " is not a folder", "name the folder the results are in");
  const auto paths = folder_entries(folder);
  HtmlPage page(title, "What fsfm found, learned and decided");
  int sections = 0;
  const auto each = [&](auto&& wanted, auto&& add) {
    for (const auto& path : paths)
      if (wanted(path)) {
        add(path);
        ++sections;
      }
  };
  // The folder may be a dataset or a run itself.
  if (path_exists(folder / "manifest.json")) {
    add_dataset(page, folder);
    ++sections;
  }
  if (path_exists(folder / "log.jsonl")) {
    add_run(page, folder);
    ++sections;
  }
  each([](const fs::path& p) { return path_exists(p / "manifest.json"); },
       [&](const fs::path& p) { add_dataset(page, p); });
  each([](const fs::path& p) { return p.extension() == ".png"; },
       [&](const fs::path& p) {
         page.section("Sheet: " + to_utf8(p.stem().string())).image({read_image(p), "", true});
       });
  const auto is_run = [](const fs::path& p) { return p.extension() == ".run" && path_exists(p / "log.jsonl"); };
  const auto is_pretraining = [](const fs::path& p) { return path_exists(p / "reconstructions"); };
  each([&](const fs::path& p) { return is_run(p) && is_pretraining(p); }, [&](const fs::path& p) { add_run(page, p); });
  each([&](const fs::path& p) { return is_run(p) && !is_pretraining(p); },
       [&](const fs::path& p) { add_run(page, p); });
  each([](const fs::path& p) { return p.filename() == "verdicts.json" || p.filename() == "verdicts.jsonl"; },
       [&](const fs::path& p) { add_verdicts(page, p); });
  if (sections == 0)
    throw Error(folder.string() + " holds nothing to report",
                "run fsfm prepare, pretrain, finetune or detect with their output there");
  return page;
}

}  // namespace fsfm::report
