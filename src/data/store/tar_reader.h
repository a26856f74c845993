// Lists the members of a tar archive, trusting nothing it says.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace fsfm {

struct TarMember {
  std::string name;
  uint64_t offset = 0, size = 0;  // of the content, inside the archive
};

// Regular files only, in order, from headers alone (contents are skipped, so memory does not grow with them). A hard
// link is a second name of an earlier member; folders, other links and devices are passed over. ustar, GNU long names
// and large sizes, pax paths and sizes are understood. Throws Error naming `archive` and the offset for a wrong
// checksum, a size beyond the end, an absolute name or one that climbs out (".."); Error for a packed archive (gzip,
// ...) and for sparse members.
std::vector<TarMember> list_tar(std::istream& tar, const std::string& archive);

// `size` bytes from `offset` on, which list_tar found to be inside. Throws Error when they cannot be read.
std::string read_tar(std::istream& tar, uint64_t offset, uint64_t size, const std::string& archive);

}  // namespace fsfm
