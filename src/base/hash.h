// Content hashes for manifests and resumable work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace fsfm {

// SHA-256 as 64 lower-case hex digits.
std::string sha256(std::span<const std::byte> bytes);
std::string sha256(std::string_view text);
// FNV-1a: tells equal from different where nobody gains by forging it.
uint64_t hash64(std::span<const std::byte> bytes);
// In parts, so that memory does not grow with the file. Throws Error when it cannot be read.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace fsfm
