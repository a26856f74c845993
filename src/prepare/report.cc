#include <spdlog/fmt/fmt.h>

#include "base/progress.h"
#include "base/text.h"
#include "prepare/prepare.h"

namespace fsfm {
namespace {

std::string row(const std::string& name, uint64_t count, const std::string& note = "") {
  return fmt::format("  {:<22}{:>12}{}{}\n", name, with_thousands(static_cast<long long>(count)),
                     note.empty() ? "" : "   ", note);
}

}  // namespace

std::string format_report(const PrepareReport& report) {
  std::string text;
  uint64_t inputs = 0, frames = 0;
  for (const auto& [name, n] : report.account.inputs) inputs += n;
  for (const auto& [name, n] : report.account.frames) frames += n;
  text += fmt::format("inputs{:>18}\n", with_thousands(static_cast<long long>(inputs)));
  for (const auto& [name, n] : report.account.inputs)
    text +=
        row(name, n, name == outcome::kNotDone ? "(see why in the journal; the same command tries them again)" : "");
  if (frames > 0) {
    text += fmt::format("video frames{:>12}\n", with_thousands(static_cast<long long>(frames)));
    for (const auto& [name, n] : report.account.frames) text += row(name, n);
  }
  text += fmt::format("faces{:>19}\n", with_thousands(static_cast<long long>(report.account.faces)));
  for (const auto& [split, classes] : report.manifest.counts)
    for (const auto& [name, n] : classes) text += row(split.empty() ? name : split + "/" + name, n);
  if (report.account.unparsed > 0)
    text += row("without parsing map", report.account.unparsed, "(kept: not for region masks)");
  text += "stage            thread-s    items/thread-s\n";
  for (size_t s = 0; s < PrepareTimes::kStages; ++s)
    if (report.times.items[s] > 0)
      text += fmt::format("  {:<10}{:>13.2f}{:>18.1f}\n", PrepareTimes::kNames[s], report.times.seconds[s],
                          static_cast<double>(report.times.items[s]) / std::max(1e-9, report.times.seconds[s]));
  if (report.inputs_now > 0)
    text += fmt::format("{} inputs in {} ({:.1f}/s), {:.1f} cores busy\n",
                        with_thousands(static_cast<long long>(report.inputs_now)), format_duration(report.wall_seconds),
                        static_cast<double>(report.inputs_now) / std::max(1e-9, report.wall_seconds),
                        report.cpu_seconds / std::max(1e-9, report.wall_seconds));
  return text;
}

}  // namespace fsfm
