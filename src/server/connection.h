// The socket behind a request, which the HTTP library keeps to itself.
#pragma once

#include <string>

namespace fsfm::server {

// Valid while the handler of its request runs (the library closes the socket afterwards). Thread-compatible.
class Connection {
 public:
  // By its peer's address: looks through the descriptors of this process, some 100 ns each.
  Connection(const std::string& remote_address, int remote_port);
  // False once the client has closed its end. True when the socket was not found: then nothing is dropped.
  bool alive() const;
  // What the client still sends is not read as its next request: the connection ends, and the library writes nothing
  // more. `answer` goes out before that, whole HTTP as it stands in the socket ("" where only the library can write, as
  // through TLS); what the client sends meanwhile is thrown away for up to a second, since a reset would take the
  // answer with it.
  void end_with(const std::string& answer) const;
  // Whoever reads from it sees the end of what the client sends; an answer can still go out. From any thread.
  void end_reading() const;

 private:
  int fd_ = -1;
};

}  // namespace fsfm::server
