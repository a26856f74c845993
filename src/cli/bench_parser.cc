// fsfm bench parser: the shipped parser on face crops of usual sizes.
#include "base/rng.h"
#include "cli/bench.h"
#include "face/parser.h"

namespace fsfm::cli {

std::vector<BenchCase> bench_parser(const MeasureOptions& options) {
  std::vector<BenchCase> cases;
  const auto parser = make_parser();
  for (const int size : {224, 320}) {
    Image crop(size, size);
    Rng rng(1);
    for (auto& value : crop.rgb) value = static_cast<uint8_t>(rng.below(256));
    const auto timing = measure([&] { keep(parser->parse(crop).classes.data()); }, options);
    cases.push_back({std::to_string(size) + " px crop", timing, 1, "faces"});
  }
  return cases;
}

}  // namespace fsfm::cli
