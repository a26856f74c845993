// The one exception type: what happened, where, and what to do next.
#pragma once

#include <stdexcept>
#include <string>

namespace fsfm {

// Thrown for every failure that a caller can act on. The library never prints and never exits; src/cli/ turns an Error
// into one line on stderr and exit code 2 (the user's mistake) or 1 (ours).
class Error : public std::runtime_error {
 public:
  // `what` names the file or option and what is wrong with it; `hint` names the way out ("" if `what` says it all).
  // `code`: the operating system's errno where that is the cause (EMFILE, ENOSPC, ...), which no content of a file is.
  explicit Error(const std::string& what, const std::string& hint = "", int code = 0)
      : std::runtime_error(hint.empty() ? what : what + "; " + hint), code_(code) {}
  int code() const { return code_; }

 private:
  int code_ = 0;
};

// A defect of fsfm itself (a broken invariant), reported with exit code 1.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace fsfm
