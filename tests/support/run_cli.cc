#include "support/run_cli.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "support/temp_dir.h"

namespace fsfm::test {

CliResult run_cli(const std::vector<std::string>& args, const std::vector<std::string>& env,
                  const std::filesystem::path& folder) {
  TempDir dir;
  const std::string out = (dir / "out").string(), err = (dir / "err").string();
  std::vector<std::string> all = {FSFM_BINARY};
  all.insert(all.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (auto& arg : all) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    if (!folder.empty() && ::chdir(folder.c_str()) != 0) ::_exit(125);
    for (const auto& setting : env) ::putenv(const_cast<char*>(setting.c_str()));
    if (!std::freopen(out.c_str(), "w", stdout) || !std::freopen(err.c_str(), "w", stderr)) ::_exit(126);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out), read_file(err)};
}

}  // namespace fsfm::test
