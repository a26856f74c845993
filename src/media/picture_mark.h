// The mark on pictures that fsfm drew: the comment "fsfm verdict", by which they are known again and not judged.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace fsfm {

// An encoded PNG, JPEG or WebP with the mark (a tEXt chunk, a comment segment, a chunk of its own); every reader shows
// the same picture. Bytes of other formats come back as they are.
std::vector<std::byte> with_verdict_mark(std::vector<std::byte> encoded);

// True when the file carries the mark where with_verdict_mark puts it; false for one that cannot be read. Anybody can
// write the mark: it says "not a photograph to judge", never "harmless".
bool has_verdict_mark(const std::filesystem::path& file);

}  // namespace fsfm
