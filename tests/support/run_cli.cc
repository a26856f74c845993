#include "support/run_cli.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "base/file.h"
#include "support/paths.h"
#include "support/temp_dir.h"

namespace fsfm::test {
namespace {

pid_t launch(std::vector<std::string> all, const CliSetting& setting, const std::string& out, const std::string& err) {
  std::vector<char*> argv;
  for (auto& arg : all) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    if (!setting.folder.empty() && ::chdir(setting.folder.c_str()) != 0) ::_exit(125);
    for (const auto& variable : setting.env) ::putenv(const_cast<char*>(variable.c_str()));
    if (!std::freopen(out.c_str(), "w", stdout) || !std::freopen(err.c_str(), "w", stderr)) ::_exit(126);
    if (setting.largest_file > 0) {
      const rlimit limit{setting.largest_file, setting.largest_file};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  return child;
}

std::vector<std::string> command_line(const std::vector<std::string>& args) {
  std::vector<std::string> all = {program()};
  all.insert(all.end(), args.begin(), args.end());
  return all;
}

CliResult run(std::vector<std::string> all, const CliSetting& setting) {
  TempDir dir;
  const std::string out = (dir / "out").string(), err = (dir / "err").string();
  int status = 0;
  ::waitpid(launch(std::move(all), setting, out, err), &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out), read_file(err)};
}

}  // namespace

CliResult run_cli(const std::vector<std::string>& args, const CliSetting& setting) {
  return run(command_line(args), setting);
}

CliResult run_shell(const std::string& script, const CliSetting& setting) {
  return run({"/bin/bash", "-c", "FSFM='" + program() + "'; " + script}, setting);
}

pid_t start_cli(const std::vector<std::string>& args, const std::filesystem::path& err) {
  return launch(command_line(args), {}, "/dev/null", err.string());
}

}  // namespace fsfm::test
