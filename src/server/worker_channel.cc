#include "server/worker_channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace fsfm::server {
namespace {

constexpr uint32_t kMostBytes = 256u << 20;  // of a message; neither side believes a length beyond

// True: ready. Throws when the time is over.
void wait(int socket, short event, Clock::time_point deadline, const std::function<bool()>& stop) {
  for (;;) {
    pollfd wanted{socket, event, 0};
    const int ready = ::poll(&wanted, 1, 100);
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) throw Error(std::string("worker: ") + std::strerror(errno), "", errno);
    if (stop && stop()) throw Error("worker: stopped");
    if (Clock::now() > deadline) throw Error("worker: no answer in time");
  }
}

struct Header {
  char kind;
  std::array<unsigned char, 4> length;
};
static_assert(sizeof(Header) == 5);

alignas(cmsghdr) thread_local char g_control[CMSG_SPACE(kMostBatch * sizeof(int))];

}  // namespace

void send_packet(int socket, Message kind, std::string_view payload, std::span<const int> fds,
                 Clock::time_point deadline) {
  if (payload.size() > kMostBytes || fds.size() > kMostBatch) throw InternalError("a message to a worker is too long");
  const auto n = static_cast<uint32_t>(payload.size());
  Header header{static_cast<char>(kind), {}};
  for (int i = 0; i < 4; ++i) header.length[i] = static_cast<unsigned char>(n >> (8 * i));
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += payload;
  std::string_view left = bytes;
  bool first = true;
  while (!left.empty()) {
    iovec part{const_cast<char*>(left.data()), left.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (first && !fds.empty()) {
      std::memset(g_control, 0, sizeof g_control);
      message.msg_control = g_control;
      message.msg_controllen = CMSG_SPACE(fds.size_bytes());
      cmsghdr* control = CMSG_FIRSTHDR(&message);
      control->cmsg_level = SOL_SOCKET;
      control->cmsg_type = SCM_RIGHTS;
      control->cmsg_len = CMSG_LEN(fds.size_bytes());
      std::memcpy(CMSG_DATA(control), fds.data(), fds.size_bytes());
    }
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      left.remove_prefix(static_cast<size_t>(sent));
      first = false;
    } else if (errno == EAGAIN) {
      wait(socket, POLLOUT, deadline, {});
    } else if (errno != EINTR) {
      throw Error(std::string("worker: ") + std::strerror(errno), "", errno);
    }
  }
}

std::optional<Packet> receive_packet(int socket, Clock::time_point deadline, const std::function<bool()>& stop) {
  Packet packet{};
  Header header{};
  auto* into = reinterpret_cast<char*>(&header);
  size_t left = sizeof header;
  bool in_payload = false;
  for (;;) {
    while (left > 0) {
      wait(socket, POLLIN, deadline, stop);
      iovec part{into, left};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = g_control;
      message.msg_controllen = sizeof g_control;
      const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) return std::nullopt;
      for (cmsghdr* control = CMSG_FIRSTHDR(&message); control; control = CMSG_NXTHDR(&message, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
        const size_t n = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        const size_t before = packet.fds.size();
        packet.fds.resize(before + n);
        std::memcpy(packet.fds.data() + before, CMSG_DATA(control), n * sizeof(int));
      }
      into += got;
      left -= static_cast<size_t>(got);
    }
    if (in_payload) return packet;
    uint32_t length = 0;
    for (int i = 0; i < 4; ++i) length |= static_cast<uint32_t>(header.length[i]) << (8 * i);
    if (length > kMostBytes) return std::nullopt;
    packet.kind = static_cast<Message>(header.kind);
    packet.payload.resize(length);
    into = packet.payload.data();
    left = length;
    in_payload = true;
  }
}

}  // namespace fsfm::server
