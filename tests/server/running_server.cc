#include "server/running_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "media/codec.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/videos.h"

namespace fsfm::test {
namespace {

int free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(probe, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(probe);
  return ntohs(address.sin_port);
}

}  // namespace

RunningServer::RunningServer(std::vector<std::string> more) : port_(free_port()) {
  const auto says = [&](const char* flag) { return std::find(more.begin(), more.end(), flag) != more.end(); };
  std::vector<std::string> args = {"serve", "--port", std::to_string(port_)};
  if (!says("--state")) args.insert(args.end(), {"--state", state().string()});
  if (!says("--workers")) args.insert(args.end(), {"--workers", "1"});
  secret_ = says("--tls-cert");
  args.insert(args.end(), more.begin(), more.end());
  pid_ = start_cli(args, dir_ / "log");
  for (int i = 0; i < 600; ++i) {
    auto answer = client().Get("/ready");
    if (answer && answer->status == 200) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ADD_FAILURE() << "the server did not start: " << log();
}

RunningServer::~RunningServer() {
  if (pid_ > 0) stop();
}

int RunningServer::stop() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

httplib::Client RunningServer::client() const {
  httplib::Client client((secret_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_));
  client.enable_server_certificate_verification(false);  // its certificate is its own
  client.set_read_timeout(120);
  return client;
}

std::vector<int> RunningServer::worker_pids() const {
  std::vector<int> pids;
  // Workers are started by threads: every thread has a list of its own.
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task")) {
    std::ifstream list(task.path() / "children");
    for (int pid = 0; list >> pid;) pids.push_back(pid);
  }
  return pids;
}

std::string RunningServer::log() const { return read_all(dir_ / "log"); }

std::string read_all(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::string video_bytes(const TempDir& dir) {
  write_video(dir / "clip.mp4", 12, 6, [](int i) {
    Image canvas = paint_background(3, 320, 320);
    paint_face_on(canvas, 7, {90 + 2 * i, 90, 140, 140});
    return canvas;
  });
  return read_all(dir / "clip.mp4");
}

nlohmann::json parsed(const httplib::Result& answer) {
  if (!answer) {
    ADD_FAILURE() << "no answer: " << httplib::to_string(answer.error());
    return nlohmann::json::object();
  }
  return nlohmann::json::parse(answer->body);
}

nlohmann::json comparable(nlohmann::json entry) {
  entry.erase("judged_at");
  entry.erase("file");
  return entry;
}

std::string painted_photo(int faces) {
  const auto bytes = encode_jpeg(paint_photo(7, faces, 320 * faces, 400).image);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace fsfm::test
