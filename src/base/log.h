// Messages for people: warnings and notes of long work, through spdlog to stderr.
#pragma once

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

namespace fsfm::log {

using spdlog::info;
using spdlog::warn;

// Called once by src/cli/: plain lines on stderr, no timestamps.
inline void setup() {
  // spdlog's own default writes to stdout, which belongs to results.
  auto logger = std::make_shared<spdlog::logger>("fsfm", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%^%v%$");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace fsfm::log
