// Pictures that two datasets have in common, byte by byte: a test on what was learned from says nothing.
#pragma once

#include <cstddef>
#include <string>

#include "data/dataset.h"

namespace fsfm {

struct SharedFiles {
  size_t count = 0;     // samples of `a` whose file is in `b` too
  std::string example;  // where one is in `a`
};

// Reads every file once, on all cores (threads 0). Files that cannot be read are shared by nobody.
SharedFiles shared_files(const Dataset& a, const Dataset& b, int threads = 0);

}  // namespace fsfm
