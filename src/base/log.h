// Messages for people: warnings and notes of long work, through spdlog to stderr.
#pragma once

#include <spdlog/spdlog.h>

namespace fsfm::log {

using spdlog::info;
using spdlog::warn;

// Called once by src/cli/: plain lines on stderr, no timestamps.
inline void setup() {
  auto logger = spdlog::default_logger();
  spdlog::set_pattern("%^%v%$");
  logger->flush_on(spdlog::level::info);
}

}  // namespace fsfm::log
