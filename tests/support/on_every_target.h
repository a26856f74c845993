// Runs a check on every instruction set that the kernels are compiled for and this processor has.
#pragma once

#include <gtest/gtest.h>

#include "kernels/targets.h"

namespace fsfm::test {

// The set that fails is named.
template <class Check>
void on_every_target(Check&& check) {
  for (const kernels::Target& target : kernels::targets()) {
    SCOPED_TRACE(target.name);
    const kernels::ScopedTarget scope(target);
    check();
  }
}

}  // namespace fsfm::test
