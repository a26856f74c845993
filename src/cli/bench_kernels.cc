// fsfm bench kernels: every vector kernel at the sizes of ViT-B, beside its plain form.
#include "cli/bench.h"
#include "kernels/cases.h"
#include "kernels/targets.h"

namespace fsfm::cli {

std::vector<BenchCase> bench_kernels(const MeasureOptions& options) {
  constexpr int64_t kTokens = 197, kWidth = 768;
  const std::string target = kernels::targets().front().name;
  std::vector<BenchCase> cases;
  for (const auto& item : kernels::kernel_cases(kTokens, kWidth, 1)) {
    const bool computes = item.flops > 0;
    BenchCase result{item.name + ", " + target, measure(item.run, options), (computes ? item.flops : item.bytes) / 1e9,
                     computes ? "GFLOP" : "GB"};
    MeasureOptions brief = options;
    brief.seconds /= 4;
    result.speedup = measure(item.plain, brief).median / result.timing.median;
    cases.push_back(std::move(result));
  }
  return cases;
}

}  // namespace fsfm::cli
