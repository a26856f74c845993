// The one exception type: what happened, where, and what to do next.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>

namespace fsfm {

// What kind of failure, as a number that stays (the C library's callers and scripts compare it). The text says more.
enum class ErrorCode : int {
  invalid = 1,      // settings or data that do not fit together; whatever has no better name
  not_found = 2,    // no such file
  io = 3,           // the operating system refused: os_error() says why
  damaged = 4,      // content that is cut short or contradicts itself
  unsupported = 5,  // sound, as far as one can see, in a form that is not read
  too_large = 6,    // beyond a limit of size
};

// Thrown for every failure that a caller can act on. The library never prints and never exits; src/cli/ turns an Error
// into one line on stderr and exit code 2 (the user's mistake) or 1 (ours).
class Error : public std::runtime_error {
 public:
  // `what` names the file or option and what is wrong with it; `hint` names the way out ("" if `what` says it all).
  // `os_error`: the operating system's errno where that is the cause (EMFILE, ENOSPC, ...), which no content of a file
  // is.
  explicit Error(const std::string& what, const std::string& hint = "", int os_error = 0)
      : std::runtime_error(hint.empty() ? what : what + "; " + hint),
        os_error_(os_error),
        code_(os_error == 0        ? ErrorCode::invalid
              : os_error == ENOENT ? ErrorCode::not_found
                                   : ErrorCode::io) {}
  Error(ErrorCode code, const std::string& what, const std::string& hint = "") : Error(what, hint) { code_ = code; }
  // The same failure with the name of where it happened in front, unless it begins with it.
  Error in(const std::string& source) const {
    Error error(std::string(what()).starts_with(source) ? what() : source + ": " + what());
    error.os_error_ = os_error_;
    error.code_ = code_;
    return error;
  }
  ErrorCode code() const { return code_; }
  int os_error() const { return os_error_; }

 private:
  int os_error_ = 0;
  ErrorCode code_;
};

// A defect of fsfm itself (a broken invariant), reported with exit code 1.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace fsfm
