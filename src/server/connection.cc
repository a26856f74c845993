#include "server/connection.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>

namespace fsfm::server {
namespace {

bool is_peer(int fd, const std::string& address, int port) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  char text[INET6_ADDRSTRLEN] = "";
  int found = 0;
  if (peer.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&peer);
    found = ntohs(v4->sin_port);
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  } else if (peer.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&peer);
    found = ntohs(v6->sin6_port);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
  }
  return found == port && address == text;
}

}  // namespace

Connection::Connection(const std::string& remote_address, int remote_port) {
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir("/proc/self/fd"), ::closedir);
  if (!list) return;
  while (const dirent* entry = ::readdir(list.get())) {
    const int fd = std::atoi(entry->d_name);
    if (fd > 2 && is_peer(fd, remote_address, remote_port)) {
      fd_ = fd;
      return;
    }
  }
}

bool Connection::alive() const {
  if (fd_ < 0) return true;
  pollfd look{fd_, POLLRDHUP, 0};
  return ::poll(&look, 1, 0) <= 0 || (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0;
}

void Connection::end_with(const std::string& answer) const {
  if (fd_ < 0) return;
  if (!answer.empty()) {
    using Clock = std::chrono::steady_clock;
    (void)::send(fd_, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);  // short: the socket takes it whole
    ::shutdown(fd_, SHUT_WR);
    std::array<char, 1 << 16> waste;
    for (const auto end = Clock::now() + std::chrono::seconds(1); Clock::now() < end;) {
      pollfd look{fd_, POLLIN, 0};
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
      if (::poll(&look, 1, static_cast<int>(std::max<int64_t>(left, 0))) <= 0) break;
      if (::recv(fd_, waste.data(), waste.size(), MSG_DONTWAIT) <= 0) break;
    }
  }
  end_reading();
}

void Connection::end_reading() const {
  if (fd_ >= 0) ::shutdown(fd_, SHUT_RD);
}

}  // namespace fsfm::server
