// Lists the members of a tar archive in memory, trusting nothing it says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fsfm {

struct TarMember {
  std::string name;
  uint64_t offset = 0, size = 0;  // of the content, inside the archive
};

// Regular files only, in order; folders, links and devices are passed over. ustar, GNU long names and pax paths are
// understood. Throws Error naming `archive` and the offset for a wrong checksum, a size beyond the end, an absolute
// name or one that climbs out ("..").
std::vector<TarMember> list_tar(std::span<const std::byte> bytes, const std::string& archive);

}  // namespace fsfm
