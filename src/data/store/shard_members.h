// The members of a tar put together into samples: what shares a name up to its first dot belongs together, wherever it
// stands in the archive.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/store/tar_reader.h"

namespace fsfm {

struct SampleMembers {
  std::string key;  // the members' name up to the first dot
  TarMember picture, record;
  std::optional<TarMember> map;
};

struct ShardMembers {
  std::vector<SampleMembers> samples;  // in the order of their first members
  // Samples that lack their picture or their record; `example` names the first one and what it lacks.
  size_t incomplete = 0;
  std::string example;
};

// Hidden members (`._x.jpg` and `__MACOSX/` of a Mac) and members of other kinds are passed over; of two members of
// one name the later counts, as for tar. Throws Error naming `archive` when a sample has two pictures.
ShardMembers samples_of(const std::vector<TarMember>& members, const std::string& archive);

}  // namespace fsfm
