// Names that nobody guesses.
#pragma once

#include <openssl/rand.h>

#include <array>
#include <string>

#include "base/error.h"

namespace fsfm::server {

// 128 random bits as 32 hex digits.
inline std::string random_id() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw Error("the system gives no random numbers");
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace fsfm::server
