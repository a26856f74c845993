#include "support/temp_dir.h"

#include <cstdlib>
#include <iterator>
#include <stdexcept>
#include <string>

namespace fsfm::test {

namespace fs = std::filesystem;

TempDir::TempDir() {
  std::string name = (fs::temp_directory_path() / "fsfm-test-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

size_t TempDir::count() const {
  return static_cast<size_t>(
      std::distance(fs::recursive_directory_iterator(path_), fs::recursive_directory_iterator()));
}

}  // namespace fsfm::test
