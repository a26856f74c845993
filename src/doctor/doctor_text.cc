#include <spdlog/fmt/fmt.h>

#include "base/text.h"
#include "doctor/doctor.h"

namespace fsfm {
namespace {

std::string normalization_text(const Normalization& norm) {
  return fmt::format("mean {:.4f} {:.4f} {:.4f}  std {:.4f} {:.4f} {:.4f}", norm.mean[0], norm.mean[1], norm.mean[2],
                     norm.std[0], norm.std[1], norm.std[2]);
}

}  // namespace

nlohmann::json to_json(const DoctorReport& report, const Dataset& dataset) {
  nlohmann::json json = {{"name", report.name},
                         {"samples", report.samples},
                         {"examined", report.examined},
                         {"counts", report.counts},
                         {"attack_classes", dataset.info().attack_classes},
                         {"same_in_splits", report.same_in_splits.size()},
                         {"same_in_kinds", report.same_in_kinds.size()},
                         {"with_regions", report.with_regions},
                         {"shared_videos", report.shared_videos},
                         {"shared_identities", report.shared_identities}};
  for (const auto& p : report.classes)
    json["classes"].push_back({{"name", p.name},
                               {"attack", p.attack},
                               {"samples", p.samples},
                               {"videos", p.videos},
                               {"width", p.width},
                               {"height", p.height},
                               {"jpeg_share", p.jpeg_share},
                               {"jpeg_quality", p.jpeg_quality},
                               {"jpeg_history_share", p.history_share},
                               {"earlier_jpeg_quality", p.earlier_quality},
                               {"bits_per_pixel", p.bits_per_pixel},
                               {"sharpness", p.sharpness},
                               {"brightness", p.brightness}});
  json["shortcuts"] = nlohmann::json::array();
  for (const auto& s : report.shortcuts)
    json["shortcuts"].push_back({{"feature", s.feature}, {"against", s.against}, {"auc", s.auc}});
  json["broken"] = nlohmann::json::array();
  for (const auto& [index, why] : report.broken)
    json["broken"].push_back({{"path", dataset.location(index)}, {"why", why}});
  json["near_duplicates"] = nlohmann::json::array();
  for (const auto& pair : report.leaks)
    json["near_duplicates"].push_back({{"a", dataset.samples()[pair.a].key},
                                       {"b", dataset.samples()[pair.b].key},
                                       {"bits", pair.distance},
                                       {"correlation", pair.correlation}});
  if (report.measured) json["measured"] = {{"mean", report.measured->mean}, {"std", report.measured->std}};
  if (report.stored) json["stored"] = {{"mean", report.stored->mean}, {"std", report.stored->std}};
  json["findings"] = nlohmann::json::array();
  for (const auto& f : report.findings)
    json["findings"].push_back({{"level", level_name(f.level)}, {"id", f.id}, {"text", f.text}, {"advice", f.advice}});
  return json;
}

std::string format_report(const DoctorReport& report, const Dataset& dataset) {
  std::string text = fmt::format("{}: {} faces", report.name, with_thousands(static_cast<long long>(report.samples)));
  if (report.examined < report.samples)
    text += fmt::format(", {} examined", with_thousands(static_cast<long long>(report.examined)));
  const auto& info = dataset.info();
  const bool unlabelled = info.classes == std::vector<std::string>{std::string(kUnlabelledClass)};
  text += "\nclasses  " + (unlabelled ? info.classes.front() : describe_classes(info.classes, info.attack_classes));
  text += fmt::format("\n\n{:<16}{:>9}{:>9}{:>12}{:>7}{:>14}{:>9}{:>9}{:>8}\n", "class", "faces", "videos", "size",
                      "JPEG", "quality", "bits/px", "sharp", "light");
  for (const auto& p : report.classes)
    text +=
        fmt::format("{:<16}{:>9}{:>9}{:>12}{:>6.0f}%{:>14}{:>9.2f}{:>9.0f}{:>8.2f}\n",
                    p.name + (p.attack ? " (attack)" : ""), with_thousands(static_cast<long long>(p.samples)),
                    with_thousands(static_cast<long long>(p.videos)), fmt::format("{:.0f}x{:.0f}", p.width, p.height),
                    100 * p.jpeg_share, quality_text(p), p.bits_per_pixel, p.sharpness, p.brightness);
  if (report.counts.size() > 1 || !report.counts.begin()->first.empty()) {
    text += "\n";
    for (const auto& [split, classes] : report.counts) {
      text += fmt::format("{:<8}", split.empty() ? "-" : split);
      for (const auto& [name, n] : classes)
        text += fmt::format("  {} {}", name, with_thousands(static_cast<long long>(n)));
      text += "\n";
    }
  }
  if (report.measured) text += "\n" + normalization_text(*report.measured) + "\n";
  text += "\n";
  for (const auto& f : report.findings)
    text += fmt::format("{:<8} {}\n         -> {}\n", level_name(f.level), f.text, f.advice);
  if (report.findings.empty()) text += "nothing to complain about\n";
  return text;
}

}  // namespace fsfm
