// Threads that wait for each other go to sleep early, so that the program keeps its share of a machine that is in use.
//
// libgomp lets a thread spin for 300,000 rounds at every barrier, several milliseconds. Alone on the machine nobody
// minds. Beside another busy program the kernel has given that time away by the moment there is work again: on two
// cores, one of them shared with a busy loop, a training step of two threads took 3.1 to 4 times as long as alone,
// where a core of half the speed explains 2. With 10,000 rounds it takes 2.0 to 2.3 times as long, and alone about as
// long as before (-2 to +9 %); with fewer (0 to 3,000) the waking of sleeping threads costs a fifth to a third more,
// alone.
//
// libgomp reads its settings while it is loaded, before main() and before any constructor of ours. Only .preinit_array
// comes earlier, at a time when neither getenv() nor setenv() works. So the program starts itself once more with the
// setting in its environment: that costs the loading of the libraries once more (about 0.1 s of the 0.2 s that a
// command takes to start), which commands that compute nothing are spared.
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
#include <vector>

namespace {

char kSpinning[] = "GOMP_SPINCOUNT=10000";

// The file that the kernel was told to run, unless that was another program that loaded us (ld.so, an emulator).
const char* own_file() {
  const auto* path = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  struct stat named {
  }, running{};
  const bool same = path && ::stat(path, &named) == 0 && ::stat("/proc/self/exe", &running) == 0 &&
                    named.st_ino == running.st_ino && named.st_dev == running.st_dev;
  return same ? path : nullptr;
}

// Those that say something about the program or a file and multiply nothing: they need no second start.
bool only_tells(char** argv) {
  if (!argv[0] || !argv[1]) return true;
  const std::string_view command(argv[1]);
  for (const std::string_view word : {"--version", "-V", "version", "help", "info", "report"})
    if (command == word) return true;
  for (char** word = argv + 1; *word; ++word)
    if (const std::string_view text(*word); text == "--help" || text == "-h") return true;
  return false;
}

// No constructor has run yet, not even the C library's: nothing here may use the environment, streams or locales.
void start_with_setting(int, char** argv, char** environment) {
  if (only_tells(argv)) return;
  std::vector<char*> variables;
  for (char** variable = environment; *variable; ++variable) {
    const std::string_view text(*variable);
    if (text.starts_with("GOMP_SPINCOUNT=") || text.starts_with("OMP_WAIT_POLICY="))
      return;  // the user's, or ours by now
    variables.push_back(*variable);
  }
  const char* file = own_file();
  if (!file || ::getauxval(AT_SECURE) != 0) return;
  variables.push_back(kSpinning);
  variables.push_back(nullptr);
  ::execve(file, argv, variables.data());  // returns only if it fails: then threads spin
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const kBeforeConstructors)(int, char**,
                                                                                char**) = start_with_setting;

}  // namespace
