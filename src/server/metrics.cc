#include "server/metrics.h"

#include <spdlog/fmt/fmt.h>

#include <array>

namespace fsfm::server {
namespace {

constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0};

}  // namespace

void Metrics::declare_counter(const std::string& name, const std::string& help) {
  std::lock_guard lock(mutex_);
  families_[name] = {help, "counter"};
}

void Metrics::declare_gauge(const std::string& name, const std::string& help, std::function<double()> value) {
  std::lock_guard lock(mutex_);
  families_[name] = {help, "gauge", {}, {}, std::move(value)};
}

void Metrics::declare_histogram(const std::string& name, const std::string& help) {
  std::lock_guard lock(mutex_);
  families_[name] = {help, "histogram", {}, {std::vector<uint64_t>(kBounds.size())}};
}

void Metrics::count(const std::string& name, const std::string& labels, double by) {
  std::lock_guard lock(mutex_);
  families_.at(name).counters[labels] += by;
}

void Metrics::observe(const std::string& name, double seconds) {
  std::lock_guard lock(mutex_);
  Histogram& histogram = families_.at(name).histogram;
  for (size_t i = 0; i < kBounds.size(); ++i) histogram.buckets[i] += seconds <= kBounds[i];
  histogram.sum += seconds;
  ++histogram.count;
}

std::string Metrics::text() const {
  std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, family.type);
    if (family.type == "gauge") {
      out += fmt::format("{} {}\n", name, family.gauge());
    } else if (family.type == "histogram") {
      const Histogram& h = family.histogram;
      for (size_t i = 0; i < kBounds.size(); ++i)
        out += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, kBounds[i], h.buckets[i]);
      out += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name, h.count, h.sum);
    } else {
      for (const auto& [labels, value] : family.counters)
        out += labels.empty() ? fmt::format("{} {}\n", name, value) : fmt::format("{}{{{}}} {}\n", name, labels, value);
      if (family.counters.empty()) out += name + " 0\n";
    }
  }
  return out;
}

}  // namespace fsfm::server
