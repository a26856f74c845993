// Counts memory allocations, for code that promises not to make any.
#pragma once

#include <cstddef>

namespace fsfm::test {

// Calls of operator new by this thread since it started.
size_t allocations();

}  // namespace fsfm::test
