// The table of benches: `fsfm bench WHAT`.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bench.h"

namespace fsfm::cli {

// What only some benches read.
struct BenchOptions : MeasureOptions {
  std::string model = "small", precision = "fp32";
  std::string picture;
  int batch_size = 16;
};

// A bench measures its cases with `options` and names them as its peer in bench/peers/ does: bench/compare.sh matches
// the two by name.
struct Bench {
  std::string_view name;
  std::string_view summary;
  std::function<std::vector<BenchCase>(const BenchOptions& options)> run;
};

const std::vector<Bench>& benches();

}  // namespace fsfm::cli
