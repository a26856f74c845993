// One case for each kernel, with its plain form beside it: the tests compare the two, `fsfm bench kernels` times them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fsfm::kernels {

struct KernelCase {
  std::string name;
  double bytes = 0;      // read and written by a call
  double flops = 0;      // 0: the kernel is bound by memory
  double tolerance = 0;  // allowed error(); 0: equal to the bit
  std::function<void()> run, plain;
  // After both have run: the largest difference, over the largest magnitude of the plain result. NaN when the kernel
  // yields one.
  std::function<double()> error;
};

// Every kernel, on random inputs of the given size. What works in place begins each run with a fresh copy of its input.
std::vector<KernelCase> kernel_cases(int64_t rows, int64_t width, uint64_t seed);

}  // namespace fsfm::kernels
