// One writer a folder: a lock that lives as long as the process that holds it.
#pragma once

#include <filesystem>
#include <string>

namespace fsfm {

// Held from construction to destruction, also over a crash of the program: the kernel lets go of the lock of a process
// that is gone, on whatever host it ran, so a stale lock never blocks. A lock file that nobody holds any more is no
// obstacle. Where the file system knows no locks, nothing is locked. Thread-compatible.
class FolderLock {
 public:
  // Makes the folder if it is missing (and takes it away again if nothing was put into it). `name`: of the lock file;
  // locks of other names in the same folder are others. Throws Error naming the process that holds the lock, and when
  // the folder cannot be written.
  explicit FolderLock(std::filesystem::path folder, const std::string& name = ".lock");
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::filesystem::path folder_, file_;
  int fd_ = -1;
  bool made_folder_ = false;
};

// Removes the hidden temporary files (AtomicFile's) that a killed writer left in `folder`: ".PREFIX*.tmp". Only for the
// holder of the lock.
void remove_half_written(const std::filesystem::path& folder, const std::string& prefix = "");

}  // namespace fsfm
