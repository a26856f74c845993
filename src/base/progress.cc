#include "base/progress.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fsfm {

using Clock = std::chrono::steady_clock;

Progress::Progress(std::string label, uint64_t total, std::string unit, bool visible)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      visible_(visible),
      terminal_(::isatty(STDERR_FILENO)),
      start_(Clock::now()),
      drawn_(start_) {}

Progress::~Progress() {
  if (visible_ && terminal_ && !finished_ && started_) std::fputc('\n', stderr);
}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

void Progress::update(uint64_t done, const std::string& note) {
  if (!started_) first_ = done > 0 ? done - 1 : 0;  // a resumed job starts in the middle: its rate counts from there
  started_ = true;
  done_ = done;
  note_ = note;
  const double pause = terminal_ ? 0.1 : 10.0;
  if (visible_ && std::chrono::duration<double>(Clock::now() - drawn_).count() >= pause) draw(false);
}

void Progress::finish(const std::string& note) {
  if (finished_) return;
  if (!note.empty()) note_ = note;
  if (visible_) draw(true);
  finished_ = true;
}

void Progress::draw(bool last) {
  drawn_ = Clock::now();
  const double elapsed = std::max(seconds(), 1e-9);
  const double rate = static_cast<double>(done_ - std::min(first_, done_)) / elapsed;
  const double share = total_ ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 0.0;
  std::string time;
  if (last)
    time = "in " + format_duration(elapsed);
  else if (total_ && rate > 0)
    time = format_duration(static_cast<double>(total_ - std::min(done_, total_)) / rate) + " left";
  std::string rate_text = rate >= 100 ? fmt::format("{:.0f}", rate)
                          : rate >= 1 ? fmt::format("{:.1f}", rate)
                                      : fmt::format("{:.2f}", rate);
  std::string line = fmt::format("{} {}/{} {}  {} {}/s  {}{}{}", label_, done_, total_, unit_, rate_text, unit_, time,
                                 note_.empty() ? "" : "  ", note_);
  if (!terminal_) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  constexpr int kWidth = 20;
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < std::lround(share * kWidth) ? "█" : "░";
  std::fprintf(stderr, "\r\033[K%s %s%s", bar.c_str(), line.c_str(), last ? "\n" : "");
  std::fflush(stderr);
}

std::string format_duration(double seconds) {
  const auto s = static_cast<long long>(std::llround(std::max(0.0, seconds)));
  if (s >= 3600) return fmt::format("{} h {:02d} min", s / 3600, s % 3600 / 60);
  if (s >= 60) return fmt::format("{} min {:02d} s", s / 60, s % 60);
  return seconds < 10 ? fmt::format("{:.1f} s", seconds) : fmt::format("{} s", s);
}

}  // namespace fsfm
