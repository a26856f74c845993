#include "cli/output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/error.h"

namespace fsfm::cli {

void prepare_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) == -1 && errno == EBADF) {
      const int opened = ::open("/dev/null", O_RDWR);  // takes the lowest free number: this one
      if (opened > STDERR_FILENO) ::close(opened);
    }
  ::signal(SIGPIPE, SIG_IGN);
}

void flush_output() {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && !std::ferror(stdout)) return;
  const int code = flushed ? 0 : errno;  // an earlier failure has left no number
  pollfd reader{STDOUT_FILENO, POLLOUT, 0};
  if (code == EPIPE || (::poll(&reader, 1, 0) == 1 && (reader.revents & (POLLERR | POLLHUP)))) throw ReaderGone();
  throw Error("cannot write the output" + (code ? std::string(": ") + std::strerror(code) : ""), "free some space");
}

void print_line(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  flush_output();
}

}  // namespace fsfm::cli
