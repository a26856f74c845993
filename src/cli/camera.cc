#include "cli/camera.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/fmt/fmt.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/text.h"

extern char** environ;

namespace fsfm::cli {
namespace {

constexpr size_t kMostBytes = size_t{1} << 30;

struct Descriptor {
  int fd = -1;
  ~Descriptor() { close(); }
  void close() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

std::string device_of(const std::string& camera) {
  const bool number =
      !camera.empty() && std::all_of(camera.begin(), camera.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number ? "/dev/video" + camera : camera;
}

std::vector<std::string> cameras() {
  std::vector<std::string> found;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("/dev", code))
    if (const std::string path = entry.path().string(); path.starts_with("/dev/video")) found.push_back(path);
  std::sort(found.begin(), found.end());
  return found;
}

// What the program said last; it says why it gave up on several lines, of which the last is the reason.
std::string last_line(int fd) {
  std::string text(4096, 0);
  const off_t size = std::max<off_t>(0, ::lseek(fd, 0, SEEK_END));
  const ssize_t n = ::pread(fd, text.data(), text.size(), std::max<off_t>(0, size - static_cast<off_t>(text.size())));
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, n)));
  std::string last;
  for (const auto& line : split(text, '\n'))
    if (!trim(line).empty()) last = trim(line);
  return one_line(last);
}

}  // namespace

std::vector<std::byte> record_camera(const std::string& camera, double seconds) {
  const std::string device = device_of(camera);
  std::error_code code;
  if (!fs::exists(device, code)) {
    const auto found = cameras();
    throw Error(ErrorCode::not_found, "there is no camera " + device,
                found.empty() ? "none is attached to this machine" : "those that are there: " + join(found, ", "));
  }
  int ends[2];
  Descriptor messages{::memfd_create("ffmpeg", MFD_CLOEXEC)};
  if (messages.fd < 0 || ::pipe2(ends, O_CLOEXEC) != 0)
    throw Error("cannot record from " + device + ": " + std::strerror(errno), "", errno);
  Descriptor from{ends[0]}, to{ends[1]};
  std::vector<std::string> words = {
      "ffmpeg", "-nostdin", "-loglevel", "error", "-f", "v4l2",     "-i", device, "-t", fmt::format("{:g}", seconds),
      "-c:v",   "mjpeg",    "-q:v",      "2",     "-f", "matroska", "-"};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, to.fd, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, messages.fd, STDERR_FILENO);
  // This program's threads block the signals that end it (base/interrupt); the recorder must not inherit that.
  posix_spawnattr_t attributes;
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, "ffmpeg", &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) throw Error("a camera is read through the program ffmpeg, which is not here", "install ffmpeg");
  if (failed != 0) throw Error(std::string("cannot start ffmpeg: ") + std::strerror(failed), "", failed);
  log::info("recording {:g} s from {}", seconds, device);
  to.close();
  std::vector<std::byte> bytes, part(1 << 20);
  pollfd ready{from.fd, POLLIN, 0};
  for (;;) {
    if (interrupted() || bytes.size() > kMostBytes) {
      ::kill(pid, SIGTERM);
      break;
    }
    if (::poll(&ready, 1, 100) <= 0) continue;
    const ssize_t n = ::read(from.fd, part.data(), part.size());
    if (n > 0) bytes.insert(bytes.end(), part.begin(), part.begin() + n);
    if (n == 0 || (n < 0 && errno != EINTR)) break;
  }
  from.close();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (interrupted()) return {};
  if (bytes.size() > kMostBytes) throw Error(device + " gave more than 1 GiB", "take fewer --seconds");
  if (bytes.empty()) {
    const std::string why = last_line(messages.fd);
    throw Error(device + " gives no picture" + (why.empty() ? "" : ": " + why),
                "is it a camera, and in nobody else's use?");
  }
  return bytes;
}

}  // namespace fsfm::cli
