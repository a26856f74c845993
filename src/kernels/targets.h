// The instruction sets that the kernels can be made to use: for tests and benches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fsfm::kernels {

struct Target {
  int64_t id;        // Highway's bit
  std::string name;  // as Highway spells it: "AVX3" is AVX-512; "SCALAR"
};

// Those that the kernels were compiled for and this processor has, best first; the kernels use the first.
std::vector<Target> targets();

// All kernels of the process use `target` while it lives. Not for two threads at a time.
class ScopedTarget {
 public:
  explicit ScopedTarget(const Target& target);
  ~ScopedTarget();
  ScopedTarget(const ScopedTarget&) = delete;
  ScopedTarget& operator=(const ScopedTarget&) = delete;
};

}  // namespace fsfm::kernels
