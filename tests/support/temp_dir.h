// A folder that lives as long as the object: every test writes into its own.
#pragma once

#include <filesystem>

namespace fsfm::test {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
  // Number of entries below the folder, hidden ones included: proof that nothing half-written stays.
  size_t count() const;

 private:
  std::filesystem::path path_;
};

}  // namespace fsfm::test
