// fsfm bench WHAT [--json]
#include "cli/bench.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"

namespace fsfm::cli {

int run_bench_explain(int argc, char** argv);
std::vector<BenchCase> bench_detect(const BenchOptions&);
std::vector<BenchCase> bench_engine(const BenchOptions&);
std::vector<BenchCase> bench_faces(const BenchOptions&);
std::vector<BenchCase> bench_kernels(const MeasureOptions&);
std::vector<BenchCase> bench_loader(const MeasureOptions&);
std::vector<BenchCase> bench_masks(const MeasureOptions&);
std::vector<BenchCase> bench_parser(const MeasureOptions&);
std::vector<BenchCase> bench_resize(const MeasureOptions&);
std::vector<BenchCase> bench_step(const BenchOptions&);
std::vector<BenchCase> bench_step_bf16(const BenchOptions&);

const std::vector<Bench>& benches() {
  static const std::vector<Bench> kBenches = {
      {"detect", "a photograph, from its file to the verdicts, all cores", bench_detect},
      {"engine", "pictures through the transformer in every precision, all cores", bench_engine},
      {"faces", "finding the faces of a photograph, each way", bench_faces},
      {"kernels", "every vector kernel beside its plain form, one thread", bench_kernels},
      {"loader", "stored faces to a pretraining batch, one thread", bench_loader},
      {"masks", "parsing map to region map to mask, one thread", bench_masks},
      {"parser", "face crop to parsing map with the shipped network, one thread", bench_parser},
      {"resize", "Pillow-exact bicubic resize, one thread", bench_resize},
      {"step", "one optimiser step of pretraining, all cores", bench_step},
      {"step-bf16", "the same in bfloat16", bench_step_bf16},
  };
  return kBenches;
}

namespace {

std::string time_text(double seconds) {
  char text[32];
  if (seconds < 1e-3) {
    std::snprintf(text, sizeof text, "%.2f us", seconds * 1e6);
  } else if (seconds < 1) {
    std::snprintf(text, sizeof text, "%.2f ms", seconds * 1e3);
  } else {
    std::snprintf(text, sizeof text, "%.2f s", seconds);
  }
  return text;
}

std::string rate_text(double per_second) {
  if (per_second >= 100) return with_thousands(static_cast<long long>(per_second));
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", per_second);
  return text;
}

void print_table(const std::vector<BenchCase>& cases) {
  size_t width = 4;
  for (const auto& item : cases) width = std::max(width, item.name.size());
  std::printf("%-*s  %12s  %12s  %12s  %s\n", static_cast<int>(width), "case", "median", "p10", "p90", "rate");
  for (const auto& [name, timing, items, unit, speedup, share] : cases) {
    std::printf("%-*s  %12s  %12s  %12s  %s %s/s", static_cast<int>(width), name.c_str(),
                time_text(timing.median).c_str(), time_text(timing.p10).c_str(), time_text(timing.p90).c_str(),
                rate_text(items / timing.median).c_str(), unit.c_str());
    if (speedup > 0) std::printf(", %s x the plain form", rate_text(speedup).c_str());
    if (share > 0) std::printf(", %.0f %% of the peak", share * 100);
    std::printf("\n");
  }
}

void print_json(const std::string& bench, const std::vector<BenchCase>& cases) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, timing, items, unit, speedup, share] : cases) {
    list.push_back({{"name", name},
                    {"median_ms", timing.median * 1e3},
                    {"p10_ms", timing.p10 * 1e3},
                    {"p90_ms", timing.p90 * 1e3},
                    {"samples", timing.samples},
                    {"items", items},
                    {"unit", unit}});
    if (speedup > 0) list.back()["speedup"] = speedup;
    if (share > 0) list.back()["share_of_peak"] = share;
  }
  std::printf("%s\n", nlohmann::json{{"bench", bench}, {"cases", list}}.dump().c_str());
}

}  // namespace

int run_bench(int argc, char** argv) {
  // Measures truth, not time, and needs data: it has its own options.
  if (argc > 1 && std::string_view(argv[1]) == "explain") return run_bench_explain(argc, argv);
  std::string what;
  std::vector<std::string> names;
  std::string footer = "Benches:\n";
  for (const auto& bench : benches()) {
    names.emplace_back(bench.name);
    footer += "  " + names.back() + std::string(12 - std::min<size_t>(11, bench.name.size()), ' ') +
              std::string(bench.summary) + "\n";
  }
  footer += "  explain     are the reasons of detect --explain true? (fsfm bench explain --help)\n";
  BenchOptions measure_options;
  bool json = false;
  Options options("bench", "Time one part of the program; bench/compare.sh sets it beside its peer");
  options.positional("what", what, "which bench: " + join(names, ", ")).required();
  options.add("seconds", measure_options.seconds, "time to spend on each case").range(0.01, 600);
  options.add("model", measure_options.model, "step, engine, detect: size of the network")
      .choices({"tiny", "small", "base", "large", "huge"});
  options.add("picture", measure_options.picture, "detect, faces: the photograph");
  options.add("batch-size", measure_options.batch_size, "step: images in a batch").range(2, 4096);
  options.add("precision", measure_options.precision, "step: number format").choices({"fp32", "bf16"});
  options.add("json", json, "print JSON, one line");
  options.footer(footer);
  if (!options.parse(argc, argv)) return 0;
  for (const auto& bench : benches()) {
    if (bench.name != what) continue;
    const auto cases = bench.run(measure_options);
    if (json) {
      print_json(what, cases);
    } else {
      print_table(cases);
    }
    return 0;
  }
  throw Error("unknown bench '" + what + "'", "choose one of " + join(names, ", "));
}

}  // namespace fsfm::cli
