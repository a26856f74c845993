#include "doctor/doctor_findings.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"

namespace fsfm {
namespace {

using Level = Finding::Level;

constexpr double kStrongShortcut = 0.80, kWeakShortcut = 0.65, kUnbalanced = 5;

std::string split_text(const std::string& split) { return split.empty() ? "the set" : split; }

void judge_files(const DoctorReport& report, const Dataset& dataset, std::vector<Finding>& findings) {
  if (report.broken.empty()) return;
  findings.push_back({Level::error, "broken",
                      fmt::format("{} of {} pictures cannot be read, e.g. {}", report.broken.size(), report.examined,
                                  dataset.location(report.broken.front().first)),
                      "remove or fetch them again; training leaves them out, as many as --max-bad-share allows"});
}

constexpr size_t kShownFolders = 8;
constexpr size_t kFewFolders = 12;  // as many may be classes; more are persons

// What the folders' names say, and what they do not.
void judge_labels(const DoctorReport& report, const Dataset& dataset, std::vector<Finding>& findings) {
  const DatasetInfo& info = dataset.info();
  for (const auto& note : info.notes) findings.push_back({Level::warning, note.id, note.text, note.advice});
  if (info.classes == std::vector<std::string>{std::string(kUnlabelledClass)}) {
    std::vector<std::string> some = info.folders;
    if (some.size() > kShownFolders) some.resize(kShownFolders);
    std::string text = "nothing says which faces are real: all are taken as unlabelled";
    if (!some.empty()) text += " (folders " + join(some, ", ") + (some.size() < info.folders.size() ? ", ...)" : ")");
    const bool may_be_classes = info.folders.size() > 1 && info.folders.size() <= kFewFolders;
    findings.push_back({may_be_classes ? Level::warning : Level::note, "unlabelled", text,
                        "if the folders are classes, " + how_to_name_classes()});
  }
  if (!report.same_in_kinds.empty()) {
    const auto& [a, b] = report.same_in_kinds.front();
    findings.push_back({Level::error, "two-labels",
                        fmt::format("{} pictures stand under real and under attack, byte by byte, e.g. {} and {}",
                                    report.same_in_kinds.size(), dataset.location(a), dataset.location(b)),
                        "one of the labels is wrong: find out which, and remove the other copy"});
  }
  if (!report.same_in_splits.empty()) {
    const auto& [a, b] = report.same_in_splits.front();
    findings.push_back(
        {Level::error, "leak-file",
         fmt::format("{} pictures stand in several splits, byte by byte, e.g. {} and {}", report.same_in_splits.size(),
                     dataset.location(a), dataset.location(b)),
         "a test on training pictures says nothing: keep each in one split (a link to another split is one, too)"});
  }
}

void judge_balance(const DoctorReport& report, const Dataset& dataset, std::vector<Finding>& findings) {
  const auto& attacks = dataset.info().attack_classes;
  if (dataset.info().classes.size() < 2 && attacks.empty()) return;  // real or unlabelled faces for pretraining
  const auto is_attack = [&](const std::string& name) {
    return std::find(attacks.begin(), attacks.end(), name) != attacks.end();
  };
  for (const auto& [split, classes] : report.counts) {
    size_t genuine = 0, attack = 0;
    for (const auto& [name, n] : classes) (is_attack(name) ? attack : genuine) += n;
    if (genuine == 0 || attack == 0) {
      findings.push_back({Level::warning, "one-sided",
                          fmt::format("{} has {} faces only", split_text(split), genuine == 0 ? "attack" : "genuine"),
                          "no figure that compares the two can be computed there"});
      continue;
    }
    const double ratio = std::max(static_cast<double>(genuine) / static_cast<double>(attack),
                                  static_cast<double>(attack) / static_cast<double>(genuine));
    if (ratio >= kUnbalanced)
      findings.push_back(
          {Level::note, "unbalanced",
           fmt::format("{}: {} genuine, {} attack faces ({:.1f} to 1)", split_text(split), genuine, attack, ratio),
           "balance by frames per video (--frames) or by sampling"});
  }
}

void judge_leaks(const DoctorReport& report, const Dataset& dataset, std::vector<Finding>& findings) {
  if (!report.shared_videos.empty()) {
    const auto& [video, splits] = *report.shared_videos.begin();
    findings.push_back({Level::error, "leak-video",
                        fmt::format("{} videos are in several splits, e.g. {} in {}", report.shared_videos.size(),
                                    video, join(splits, " and ")),
                        "split by video: a test on frames of training videos says nothing"});
  }
  if (!report.shared_identities.empty()) {
    const auto& [identity, splits] = *report.shared_identities.begin();
    findings.push_back({Level::warning, "leak-identity",
                        fmt::format("{} persons or clips are in several splits by their names, e.g. {} in {}",
                                    report.shared_identities.size(), identity, join(splits, " and ")),
                        "split by person if the names mean persons"});
  }
  if (!report.leaks.empty()) {
    std::set<size_t> samples;
    for (const auto& pair : report.leaks) samples.insert({pair.a, pair.b});
    const auto& pair = report.leaks.front();
    findings.push_back({Level::warning, "leak-picture",
                        fmt::format("{} pictures have a near-duplicate in another split, e.g. {} and {}",
                                    samples.size(), dataset.samples()[pair.a].key, dataset.samples()[pair.b].key),
                        "look at the pairs: the same moment in two splits inflates the test"});
  }
}

// The advice depends on which side of compression and size the feature speaks of.
std::string advice_of(const std::string& feature) {
  if (feature == "width" || feature == "height")
    return "bring both kinds to one size by the same route, or add scale augmentation";
  if (feature == "is-jpeg" || feature == "jpeg-quality" || feature == "jpeg-history" || feature == "bits-per-pixel")
    return "give both kinds the same compression history before you believe a score (prepare with --size 224, train "
           "with JPEG augmentation)";
  if (feature == "sharpness")
    return "check that both kinds come from comparable cameras and crops; add blur augmentation";
  return "check that both kinds come from comparable scenes; add colour augmentation";
}

// One finding a feature: the class that it gives away most.
void judge_shortcuts(const DoctorReport& report, std::vector<Finding>& findings) {
  std::set<std::string> told;
  for (const auto& shortcut : report.shortcuts) {
    if (shortcut.auc < kWeakShortcut || !told.insert(shortcut.feature).second) continue;
    findings.push_back({shortcut.auc >= kStrongShortcut ? Level::warning : Level::note, "shortcut-" + shortcut.feature,
                        fmt::format("{} alone tells {} from genuine with AUC {:.2f}", shortcut.feature,
                                    shortcut.against, shortcut.auc),
                        advice_of(shortcut.feature)});
  }
}

void judge_normalization(const DoctorReport& report, std::vector<Finding>& findings) {
  if (!report.measured || !report.stored || report.examined < report.samples) return;
  float worst = 0;
  for (size_t c = 0; c < 3; ++c)
    worst = std::max({worst, std::abs(report.measured->mean[c] - report.stored->mean[c]),
                      std::abs(report.measured->std[c] - report.stored->std[c])});
  if (worst > 0.01f)
    findings.push_back({Level::warning, "mean-std",
                        fmt::format("stored mean or deviation is off by {:.3f} from the pictures", worst),
                        "prepare the dataset again"});
}

void judge_regions(const DoctorReport& report, std::vector<Finding>& findings) {
  if (report.with_regions == 0 || report.with_regions == report.examined) return;
  findings.push_back({Level::note, "regions",
                      fmt::format("{} of {} pictures have a region map", report.with_regions, report.examined),
                      "pretraining with region masks refuses the others"});
}

void judge_left_out(const Dataset& dataset, std::vector<Finding>& findings) {
  if (dataset.info().left_out.empty()) return;
  findings.push_back({Level::note, "left-out",
                      dataset.info().left_out + " files lie among the pictures and are left out",
                      "convert pictures to JPEG or PNG; of videos and archives make faces with fsfm prepare"});
}

}  // namespace

std::vector<Finding> judge(const DoctorReport& report, const Dataset& dataset) {
  std::vector<Finding> findings;
  judge_files(report, dataset, findings);
  judge_labels(report, dataset, findings);
  judge_leaks(report, dataset, findings);
  judge_shortcuts(report, findings);
  judge_balance(report, dataset, findings);
  judge_normalization(report, findings);
  judge_regions(report, findings);
  judge_left_out(dataset, findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.level > b.level; });
  return findings;
}

}  // namespace fsfm
