// Counters, gauges and histograms in Prometheus' text form.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace fsfm::server {

// Thread-safe. Every family is declared before use, so that /metrics lists it from the start.
class Metrics {
 public:
  void declare_counter(const std::string& name, const std::string& help);
  void declare_gauge(const std::string& name, const std::string& help, std::function<double()> value);
  void declare_histogram(const std::string& name, const std::string& help);  // seconds, 1 ms to 60 s
  // `labels`: "route=\"/v1/detect\",code=\"200\"", or "".
  void count(const std::string& name, const std::string& labels = "", double by = 1);
  void observe(const std::string& name, double seconds);
  std::string text() const;

 private:
  struct Histogram {
    std::vector<uint64_t> buckets;
    double sum = 0;
    uint64_t count = 0;
  };
  struct Family {
    std::string help, type;
    std::map<std::string, double> counters{};
    Histogram histogram{};
    std::function<double()> gauge{};
  };
  mutable std::mutex mutex_;
  std::map<std::string, Family> families_;
};

}  // namespace fsfm::server
