#include "base/digest_set.h"

#include <charconv>

#include "base/hash.h"

namespace fsfm {

DigestSet::Digest DigestSet::digest_of(std::string_view text) {
  const std::string hex = sha256(text);
  Digest digest{};
  for (size_t half = 0; half < 2; ++half) std::from_chars(&hex[16 * half], &hex[16 * half] + 16, digest[half], 16);
  if (digest == Digest{}) digest[0] = 1;
  return digest;
}

size_t DigestSet::slot_of(const Digest& digest) const {
  size_t slot = digest[0] & (slots_.size() - 1);
  while (slots_[slot] != Digest{} && slots_[slot] != digest) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void DigestSet::grow() {
  std::vector<Digest> old(slots_.empty() ? 1024 : 2 * slots_.size());
  old.swap(slots_);
  for (const Digest& digest : old)
    if (digest != Digest{}) slots_[slot_of(digest)] = digest;
}

bool DigestSet::insert(std::string_view text) {
  if (4 * (size_ + 1) > 3 * slots_.size()) grow();
  const Digest digest = digest_of(text);
  Digest& slot = slots_[slot_of(digest)];
  if (slot == digest) return false;
  slot = digest;
  ++size_;
  return true;
}

bool DigestSet::contains(std::string_view text) const {
  if (slots_.empty()) return false;
  const Digest digest = digest_of(text);
  return slots_[slot_of(digest)] == digest;
}

}  // namespace fsfm
