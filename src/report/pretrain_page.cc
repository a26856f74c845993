#include "report/pretrain_page.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/text.h"
#include "media/codec.h"
#include "media/draw.h"
#include "media/resize.h"
#include "report/charts.h"
#include "report/html_page.h"
#include "report/markup.h"

namespace fsfm::report {
namespace {

using nlohmann::json;

constexpr int kGap = 4;     // of reconstruction_sheet
constexpr int kTile = 112;  // side of a face in the picture over time
constexpr size_t kMoments = 6;
constexpr int kFaces = 6;

// One figure of all log lines of a kind, against the step.
Series series_of(const std::vector<json>& lines, const std::string& kind, const std::string& key,
                 const std::string& name, int color) {
  Series series;
  series.name = name;
  series.color = color;
  for (const auto& line : lines) {
    if (line.value("kind", "") != kind || !line.contains(key)) continue;
    series.x.push_back(line.value("step", 0.0));
    series.y.push_back(line[key].get<double>());
  }
  return series;
}

// The raw curve, faint, behind its moving average.
void add_smoothed(std::vector<Series>& all, Series raw) {
  Series average = raw;
  average.y = smooth(raw.y);
  raw.faint = true;
  all.push_back(std::move(raw));
  all.push_back(std::move(average));
}

Series dashed(Series series) {
  series.dashed = true;
  return series;
}

Chart chart(const std::string& title, const std::string& y, std::vector<Series> series, const std::string& caption) {
  LineChart line;
  line.x.label = "step";
  line.y.label = y;
  line.series = std::move(series);
  return {line_chart(line), title, caption};
}

double last_of(const Series& series) { return series.y.empty() ? NAN : series.y.back(); }

double median_of(Series series) {
  if (series.y.empty()) return NAN;
  std::nth_element(series.y.begin(), series.y.begin() + static_cast<int64_t>(series.y.size() / 2), series.y.end());
  return series.y[series.y.size() / 2];
}

// 400 of "step-000000400.png"; nullopt for any other file that lies there.
std::optional<int64_t> step_of(const fs::path& path) {
  const std::string name = path.filename().string();
  constexpr std::string_view kPrefix = "step-", kSuffix = ".png";
  if (name.size() <= kPrefix.size() + kSuffix.size() || !name.starts_with(kPrefix) || !name.ends_with(kSuffix))
    return std::nullopt;
  int64_t step = 0;
  const char *begin = name.data() + kPrefix.size(), *end = name.data() + name.size() - kSuffix.size();
  const auto [stop, code] = std::from_chars(begin, end, step);
  if (code != std::errc() || stop != end || step < 0) return std::nullopt;
  return step;
}

std::vector<fs::path> reconstruction_files(const fs::path& run_folder) {
  const fs::path folder = run_folder / "reconstructions";
  if (!fs::exists(folder)) return {};
  return list_files(folder, [](const fs::path& path) { return step_of(path).has_value(); });
}

// Rows are faces; columns: original, what the network saw, and its reconstruction at a few moments of the run.
Image faces_over_time(const std::vector<fs::path>& files, int side) {
  std::vector<fs::path> moments;
  const size_t wanted = std::min(kMoments, files.size());
  for (size_t m = 0; m < wanted; ++m) moments.push_back(files[wanted == 1 ? 0 : m * (files.size() - 1) / (wanted - 1)]);
  constexpr int kHeader = 22;
  Image canvas;
  bool first = true;
  for (size_t m = 0; m < moments.size(); ++m) {
    Image sheet;
    try {
      sheet = read_image(moments[m]);
    } catch (const Error&) {
      continue;  // a run is not lost over a picture of its page
    }
    int faces = std::min(kFaces, (sheet.height - kGap) / (side + kGap));
    if (!canvas.empty()) faces = std::min(faces, (canvas.height - kHeader - kGap) / (kTile + kGap));
    if (sheet.width != 3 * (side + kGap) + kGap || faces < 1) continue;
    if (canvas.empty())
      canvas = Image(static_cast<int>(moments.size() + 2) * (kTile + kGap) + kGap,
                     kHeader + faces * (kTile + kGap) + kGap, 255);
    const auto put = [&](int from_column, int to_column, const std::string& caption) {
      const int x = kGap + to_column * (kTile + kGap);
      draw_text(canvas, x + 2, 15, caption, {90, 94, 104}, 9);
      for (int f = 0; f < faces; ++f) {
        const Rect rect{kGap + from_column * (side + kGap), kGap + f * (side + kGap), side, side};
        paste(canvas, resize(crop(sheet, rect), kTile, kTile), x, kHeader + kGap + f * (kTile + kGap));
      }
    };
    if (std::exchange(first, false)) {
      put(0, 0, "original");
      put(1, 1, "what it sees");
    }
    put(2, static_cast<int>(m) + 2, "step " + std::to_string(*step_of(moments[m])));
  }
  return canvas;
}

Table data_table(const json& data, const json& held_out) {
  Table table;
  table.columns = {"", "faces", "videos or pictures", "set"};
  const auto row = [&](const std::string& name, const json& manifest) {
    if (!manifest.is_object()) return;
    table.rows.push_back({Cell(name), Cell(with_thousands(manifest.value("samples", 0))),
                          Cell(with_thousands(manifest.value("videos", 0))), Cell(manifest.value("name", "?"))});
  };
  row("learned from", data);
  row("held out", held_out);
  return table;
}

}  // namespace

void write_pretrain_page(const std::filesystem::path& run_folder, const PretrainPageFacts& facts) {
  const auto of_train = [&](const char* key, const char* name, int color) {
    return series_of(facts.log, "train", key, name, color);
  };
  const auto of_held_out = [&](const char* key, const char* name, int color) {
    return series_of(facts.log, "held_out", key, name, color);
  };
  const Series patch = of_held_out("patch_mse", "held-out faces", 0),
               patch_baseline = of_held_out("patch_baseline", "mean colour", 1);
  const Series pixel = of_held_out("pixel_mse", "held-out faces", 0),
               pixel_baseline = of_held_out("pixel_baseline", "mean colour", 1);
  const Series rate = of_train("faces_per_second", "faces a second", 0);
  const bool judged = !pixel.y.empty();

  HtmlPage page(facts.title,
                facts.model + ", pretrained on " + with_thousands(facts.data.value("samples", 0)) + " real faces");
  std::vector<Card> cards;
  if (judged) {
    cards.push_back({format_percent(last_of(pixel) / last_of(pixel_baseline)), "of the baseline's error",
                     "hidden pixels of held-out faces"});
    cards.push_back(
        {format_number(last_of(patch), 3), "error per patch", "baseline " + format_number(last_of(patch_baseline), 3)});
  }
  cards.push_back({with_thousands(facts.steps), "steps", fmt::format("of {} faces", facts.faces_per_step)});
  cards.push_back({format_number(median_of(rate), 3), "faces a second", "median"});
  page.cards(cards);

  page.section("What it learned",
               "The network sees a quarter of each face and paints the rest. None of these faces was learned from.");
  const auto files = reconstruction_files(run_folder);
  if (!files.empty()) {
    const Image picture = faces_over_time(files, facts.image_side);
    if (!picture.empty())
      page.image({picture, "Held-out faces, hidden by " + facts.strategy +
                               ": the same masks at every moment. Visible patches are pasted in."});
  }
  if (judged) {
    page.charts({chart("Hidden pixels", "mean squared error", {pixel, dashed(pixel_baseline)},
                       "In units of the dataset's deviation. The baseline paints every hidden patch in its own true "
                       "mean colour."),
                 chart("Hidden patches, each normalised", "mean squared error", {patch, dashed(patch_baseline)},
                       "Brightness and contrast of a patch taken out: only its structure counts.")});
  }

  if (!facts.attention.empty()) {
    page.section("Where it looks",
                 "The attention that the class token of the last block pays to every patch of the whole face: the mean "
                 "over all heads, then single heads. Nobody told the network what a face is made of.");
    page.image(
        {facts.attention, "Each map runs from its least attended patch (dark) to its most attended ones (bright)."});
  }

  if (!facts.points.empty()) {
    page.section("How faces lie in feature space");
    page.chart(
        {scatter_chart("Frozen features", facts.points), "Frozen features",
         "Each point is a face that was not learned from, described by the encoder and flattened to its two principal "
         "directions. No label was used: classes that lie apart were told apart by the network itself."});
  }

  if (!facts.masks.empty()) {
    page.section("How faces are hidden", "A new mask is drawn each time a face is shown.");
    page.image({facts.masks, "Strategy and share of hidden patches: " + facts.strategy +
                                 ". Grey patches are hidden; orange ones too, as the region that is covered whole."});
  }

  page.section("Learning");
  std::vector<Series> loss, similarity;
  add_smoothed(loss, of_train("loss_masked", "hidden patches", 0));
  if (Series region = of_train("loss_region", "covered region", 2);
      std::any_of(region.y.begin(), region.y.end(), [](double v) { return v > 0; }))
    add_smoothed(loss, std::move(region));
  add_smoothed(similarity, of_train("loss_similarity", "agreement", 3));
  std::vector<Chart> charts = {
      chart("Reconstruction loss", "loss", loss, "Training batches; the strong line is a moving average.")};
  const Series& raw_similarity = similarity.front();
  if (std::any_of(raw_similarity.y.begin(), raw_similarity.y.end(), [](double v) { return v != 0; }))
    charts.push_back(chart("Local against global view", "loss", similarity,
                           "Lower means that the masked view agrees more with the full one."));
  charts.push_back(
      chart("Learning rate", "rate", {of_train("lr", "learning rate", 0)}, "Linear warm-up, then half a cosine."));
  charts.push_back(chart("Gradient norm", "norm", {of_train("grad_norm", "before clipping", 4)}, ""));
  page.charts(charts);

  page.section("Speed");
  page.charts(
      {chart("Throughput", "faces a second", {rate}, "All processes together; evaluation and saving not counted.")});
  const Series wait = of_train("wait_seconds", "", 0), skipped = of_train("skipped", "", 0);
  page.key_values(
      {{"waited for data", format_duration(wait.y.empty() ? 0 : wait.y.back())},
       {"steps skipped (not finite)", with_thousands(static_cast<long long>(skipped.y.empty() ? 0 : skipped.y.back()))},
       {"steps", fmt::format("{} of {}", with_thousands(facts.steps), with_thousands(facts.total_steps))}});

  page.section("Data");
  page.table(data_table(facts.data, facts.held_out));
  if (facts.unreadable > 0)
    page.note(fmt::format("{} pictures could not be read and were left out; log.jsonl names them.", facts.unreadable));
  page.section("Recipe");
  page.details("Every setting of this run", facts.recipe);
  page.write(run_folder / "report.html");
}

}  // namespace fsfm::report
