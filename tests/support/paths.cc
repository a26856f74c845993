#include "support/paths.h"

namespace fsfm::test {

std::filesystem::path source_dir() { return FSFM_SOURCE_DIR; }

std::filesystem::path golden(const std::string& name) { return source_dir() / "tests" / "golden" / name; }

std::string program() { return FSFM_BINARY; }

}  // namespace fsfm::test
