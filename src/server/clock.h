// Times as people and tables read them.
#pragma once

#include <chrono>
#include <ctime>
#include <string>

namespace fsfm::server {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// "2026-01-31T23:59:59Z", `ago` seconds ago.
inline std::string utc_now(double ago = 0) {
  const std::time_t now = std::time(nullptr) - static_cast<std::time_t>(ago);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace fsfm::server
