// An exception in words for the user, and the exit code that goes with it.
#pragma once

#include <exception>
#include <string>

namespace fsfm::cli {

constexpr int kUserError = 2, kOurError = 1;

struct Failure {
  std::string message;  // one line
  int exit_code = kUserError;
};

// Errors of the library, of the system and of memory are the user's to mend (2); anything else is a fault of the
// program and says so (1). Call it in a catch block.
Failure describe_failure(const std::exception_ptr& failure = std::current_exception());

}  // namespace fsfm::cli
