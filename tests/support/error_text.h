// What an action complains about.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace fsfm::test {

// The message of the fsfm::Error that `action` throws; "" if it throws none.
template <class Action>
std::string error_text(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace fsfm::test
