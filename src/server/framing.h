// Where a request's body ends, by its header alone (RFC 9112, section 6).
#pragma once

#include <httplib.h>

#include <cstdint>
#include <optional>

namespace fsfm::server {

struct Framing {
  bool has_body = false;
  std::optional<uint64_t> length{};  // absent where the body comes in chunks
};

// Throws Problem 400 where a proxy in front of this server could read the header in another way and take a part of the
// body for a request of its own.
Framing framing_of(const httplib::Request& request);

}  // namespace fsfm::server
