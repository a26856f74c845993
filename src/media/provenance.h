// Whether a picture or video carries a C2PA manifest ("content credentials"): a signed statement of where it comes
// from.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace fsfm {

// True when the file holds the boxes of a C2PA manifest: JUMBF in APP11 segments of a JPEG, the caBX chunk of a PNG,
// the C2PA chunk of a WebP, the uuid box of MP4, MOV, HEIC and AVIF. Only the boxes' places are looked at: nothing is
// verified, and anybody can put a manifest into a file or take it out. Never throws for damaged bytes.
bool has_c2pa_manifest(std::span<const std::byte> file);
// The same of a file on the disk; false when it cannot be read.
bool has_c2pa_manifest(const std::filesystem::path& file);

}  // namespace fsfm
