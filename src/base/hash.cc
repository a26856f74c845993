#include "base/hash.h"

#include <array>

#include <openssl/evp.h>

#include "base/error.h"
#include "base/file.h"

namespace fsfm {

std::string sha256(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw InternalError("SHA-256 is not available in this OpenSSL");
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

std::string sha256(std::string_view text) { return sha256(std::as_bytes(std::span(text.data(), text.size()))); }
std::string sha256_file(const std::filesystem::path& path) { return sha256(MappedFile(path).bytes()); }

}  // namespace fsfm
