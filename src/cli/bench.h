// The table of benches: `fsfm bench WHAT`.
#pragma once

#include <string_view>
#include <vector>

#include "base/bench.h"

namespace fsfm::cli {

// A bench measures its cases with `options` and names them as its peer in bench/peers/ does: bench/compare.sh matches
// the two by name.
struct Bench {
  std::string_view name;
  std::string_view summary;
  std::vector<BenchCase> (*run)(const MeasureOptions& options);
};

const std::vector<Bench>& benches();

}  // namespace fsfm::cli
