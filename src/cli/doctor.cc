// fsfm doctor DATASET [--json] [--html FILE] [--sheet FILE]
#include "doctor/doctor.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>

#include "base/class_options.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/sources.h"
#include "media/codec.h"
#include "report/face_gallery.h"
#include "report/html_page.h"

namespace fsfm::cli {
namespace {

constexpr size_t kPicturesShown = 24;
constexpr size_t kSheetFaces = 40;
constexpr int kSheetSide = 112, kSheetColumns = 5;  // pixels of a face, faces a row

report::Table class_table(const DoctorReport& r) {
  report::Table table{"Medians over each class",
                      {"class", "faces", "videos", "size", "JPEG", "quality", "bits/px", "sharpness", "brightness"},
                      {}};
  for (const auto& p : r.classes)
    table.rows.push_back(
        {report::Cell(p.name, p.name == kUnlabelledClass ? ""
                              : p.attack                 ? "attack"
                                                         : "genuine"),
         with_thousands(static_cast<long long>(p.samples)), with_thousands(static_cast<long long>(p.videos)),
         fmt::format("{:.0f} x {:.0f}", p.width, p.height), fmt::format("{:.0f} %", 100 * p.jpeg_share),
         quality_text(p), fmt::format("{:.2f}", p.bits_per_pixel), fmt::format("{:.0f}", p.sharpness),
         fmt::format("{:.2f}", p.brightness)});
  return table;
}

// A row for each feature, the most telling first; a column for each kind of attack.
report::Table shortcut_table(const DoctorReport& r) {
  report::Table table{
      "How well one number alone tells an attack from genuine faces (AUC; 0.5 = not at all)", {"feature"}, {}};
  const auto index_of = [](std::vector<std::string>& names, const std::string& name) {
    const auto at = std::find(names.begin(), names.end(), name) - names.begin();
    if (at == static_cast<int64_t>(names.size())) names.push_back(name);
    return static_cast<size_t>(at);
  };
  std::vector<std::string> features, kinds;
  for (const auto& s : r.shortcuts) {
    const size_t row = index_of(features, s.feature);
    const size_t column = 1 + index_of(kinds, s.against == "attack" ? "all attacks" : s.against);
    if (row == table.rows.size()) table.rows.push_back({report::Cell(s.feature)});
    auto& cells = table.rows[row];
    while (cells.size() <= column) cells.emplace_back("");
    cells[column] = report::Cell(fmt::format("{:.2f}", s.auc), "", s.auc >= 0.8);
  }
  table.columns.insert(table.columns.end(), kinds.begin(), kinds.end());
  for (auto& row : table.rows)
    while (row.size() < table.columns.size()) row.emplace_back("");
  return table;
}

// Faces of one class, spread evenly over it.
std::vector<report::Picture> examples(const Dataset& data, int label, size_t count) {
  std::vector<size_t> own;
  for (size_t i = 0; i < data.samples().size(); ++i)
    if (data.samples()[i].label == label) own.push_back(i);
  std::vector<report::Picture> pictures;
  for (size_t k = 0; k < std::min(count, own.size()); ++k) {
    try {
      pictures.push_back({data.load(own[k * own.size() / std::min(count, own.size())]).image, ""});
    } catch (const std::exception&) {  // broken pictures have a list of their own
    }
  }
  return pictures;
}

void write_html(const DoctorReport& r, const Dataset& data, const std::filesystem::path& file) {
  report::HtmlPage page("Dataset " + r.name, "what a detector would learn from it");
  const auto count = [&](Finding::Level level) {
    return std::to_string(
        std::count_if(r.findings.begin(), r.findings.end(), [&](const Finding& f) { return f.level == level; }));
  };
  page.cards({{with_thousands(static_cast<long long>(r.samples)), "faces",
               with_thousands(static_cast<long long>(r.examined)) + " examined"},
              {count(Finding::Level::error), "errors"},
              {count(Finding::Level::warning), "warnings"},
              {count(Finding::Level::note), "notes"}});
  page.section("Findings");
  if (r.findings.empty()) page.paragraph("Nothing to complain about.");
  for (const auto& f : r.findings) {
    const std::string text = fmt::format("{}: {}. What to do: {}.", level_name(f.level), f.text, f.advice);
    f.level == Finding::Level::note ? page.paragraph(text) : page.note(text);
  }
  page.section("Classes").table(class_table(r));
  if (!r.shortcuts.empty()) page.table(shortcut_table(r));
  for (size_t c = 0; c < data.info().classes.size(); ++c)
    page.heading(data.info().classes[c]).images(examples(data, static_cast<int>(c), kPicturesShown), 96);
  if (const auto faces = report::face_gallery(data, kSheetFaces, kSheetSide); !faces.empty())
    page.section("Regions",
                 "faces and the class of every pixel, where it is known: what masking and explanations rest on")
        .image({report::gallery_sheet(faces, kSheetColumns)});
  if (!r.leaks.empty()) {
    page.section("Near-duplicates across splits", "left and right: two splits");
    std::vector<report::Picture> pictures;
    for (const auto& pair : r.leaks) {
      if (pictures.size() >= kPicturesShown) break;
      for (const size_t index : {pair.a, pair.b})
        pictures.push_back({data.load(index).image, data.samples()[index].key});
    }
    page.images(pictures, 140);
  }
  if (!r.broken.empty()) {
    page.section("Broken pictures");
    for (size_t i = 0; i < std::min(r.broken.size(), kPicturesShown); ++i) page.paragraph(r.broken[i].second);
  }
  page.write(file);
}

}  // namespace

int run_doctor(int argc, char** argv) {
  std::filesystem::path dir, html, sheet;
  bool json = false, strict = false;
  std::string split;
  int64_t max_samples = 0;
  int threads = 0;
  Options options("doctor", "Find what is wrong with a dataset before a model learns it");
  options.positional("DATASET", dir, "a prepared dataset or a folder of face crops").required();
  options.add("split", split, "look at one split only");
  options.add("max-samples", max_samples, "a seeded draw of so many pictures (0 = all)").range(0, 1e12);
  options.add("threads", threads, "worker threads (0 = all cores)").range(0, 1024);
  options.add("json", json, "write the report as JSON to stdout").command_line_only();
  options.add("html", html, "write a page with pictures to this file").command_line_only();
  options.add("sheet", sheet, "write a picture of 40 faces and their regions (.png, .jpg or .webp)")
      .command_line_only();
  options.add("strict", strict, "exit with 1 if there is an error or a warning").command_line_only();
  ClassStatement stated;
  add_class_options_or_none(options, stated);
  options.enable_quiet();
  if (!options.parse(argc, argv)) return 0;

  const auto data = open_only_source(dir, split, stated);
  Progress bar("examine", data->samples().size(), "faces", progress_visible());
  const DoctorReport report = examine(*data, {.max_samples = static_cast<size_t>(max_samples), .threads = threads},
                                      [&](uint64_t done, uint64_t) { bar.update(done); });
  bar.finish();
  if (json)
    std::printf("%s\n", to_json(report, *data).dump(1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  else
    std::printf("%s", format_report(report, *data).c_str());
  if (!html.empty()) write_html(report, *data, html);
  if (!sheet.empty())
    write_image(sheet, report::gallery_sheet(report::face_gallery(*data, kSheetFaces, kSheetSide), kSheetColumns));
  const bool bad = std::any_of(report.findings.begin(), report.findings.end(),
                               [](const Finding& f) { return f.level != Finding::Level::note; });
  return strict && bad ? 1 : 0;
}

}  // namespace fsfm::cli
