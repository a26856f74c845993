// A `fsfm serve` of its own for a test, as a user would start it.
#pragma once

#include <httplib.h>
#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace fsfm::test {

class RunningServer {
 public:
  // One worker unless told otherwise. Waits until /ready says yes; a failure is a test's failure.
  explicit RunningServer(std::vector<std::string> more = {});
  ~RunningServer();  // SIGTERM

  httplib::Client client() const;  // speaks TLS where the server was told to, to whatever certificate
  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::vector<int> worker_pids() const;
  std::filesystem::path state() const { return dir_ / "state"; }
  std::string log() const;
  int stop();  // SIGTERM; its exit code

 private:
  TempDir dir_;
  int port_ = 0;
  pid_t pid_ = -1;
  bool secret_ = false;
};

std::string painted_photo(int faces = 1);     // JPEG bytes
std::string video_bytes(const TempDir& dir);  // of two seconds in which a face moves; made in `dir`
std::string read_all(const std::filesystem::path& file);

inline constexpr const char* kBinary = "application/octet-stream";
nlohmann::json parsed(const httplib::Result& answer);  // no answer is a test's failure
// An entry without what differs from run to run.
nlohmann::json comparable(nlohmann::json entry);

}  // namespace fsfm::test
