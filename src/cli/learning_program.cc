// The way from `fsfm` to `fsfm-learn`.
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "cli/commands.h"

namespace fsfm::cli {

void become_learning_program(char** argv) {
  constexpr const char* kName = "fsfm-learn";
  namespace fs = std::filesystem;
  std::error_code code;
  const fs::path own = fs::read_symlink("/proc/self/exe", code).parent_path();
  const fs::path beside = own / kName, installed = own.parent_path() / "libexec/fsfm" / kName;
  const fs::path program = fs::exists(beside, code) ? beside : installed;
  if (!fs::exists(program, code))
    throw Error(
        std::string("this needs ") + kName + ", the half of fsfm with libtorch, which is not installed beside it",
        "build it with cmake --preset release (tools/install_deps.sh installs libtorch)");
  // The thread that waits for the blocked signals does not outlive exec, but the block would.
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::execv(program.c_str(), argv);
  throw Error("cannot start " + program.string() + ": " + std::strerror(errno), "check the installation");
}

}  // namespace fsfm::cli
