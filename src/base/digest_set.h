// A set of texts that keeps 16 bytes of each one's hash: millions of keys in little memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fsfm {

// Thread-compatible. Two different texts are taken for one with a chance of 2^-128 (SHA-256, cut).
class DigestSet {
 public:
  // False when `text` was in the set already.
  bool insert(std::string_view text);
  bool contains(std::string_view text) const;
  size_t size() const { return size_; }

 private:
  using Digest = std::array<uint64_t, 2>;  // {0, 0}: a free slot
  static Digest digest_of(std::string_view text);
  // The slot that holds `digest`, or the free one where it belongs.
  size_t slot_of(const Digest& digest) const;
  void grow();

  std::vector<Digest> slots_;  // open addressing; a power of two, at most three quarters full
  size_t size_ = 0;
};

}  // namespace fsfm
