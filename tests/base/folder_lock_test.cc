#include "base/folder_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

#include "base/file.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::error_text;
using test::TempDir;

// A process that holds the lock until it is killed.
class Holder {
 public:
  explicit Holder(const fs::path& folder) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    child_ = ::fork();
    if (child_ == 0) {
      const FolderLock lock(folder);
      EXPECT_EQ(::write(ends[1], "x", 1), 1);
      for (;;) ::pause();
    }
    char ready = 0;
    EXPECT_EQ(::read(ends[0], &ready, 1), 1);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~Holder() { kill(); }
  void kill() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(std::exchange(child_, 0), nullptr, 0);
  }
  pid_t pid() const { return child_; }

 private:
  pid_t child_ = 0;
};

TEST(FolderLock, ASecondProcessIsToldWhoHoldsIt) {
  TempDir dir;
  Holder holder(dir / "m.run");
  const std::string message = error_text([&] { FolderLock lock(dir / "m.run"); });
  EXPECT_NE(message.find("m.run is in use by process " + std::to_string(holder.pid()) + " on "), std::string::npos)
      << message;
  EXPECT_NE(message.find(" since 2"), std::string::npos) << message;
  EXPECT_NO_THROW(FolderLock(dir / "m.run", ".lock-1of2"));  // another job's
}

TEST(FolderLock, TheLockOfADeadProcessIsNoObstacle) {
  TempDir dir;
  Holder holder(dir / "m.run");
  holder.kill();
  ASSERT_TRUE(fs::exists(dir / "m.run" / ".lock"));
  EXPECT_EQ(error_text([&] { FolderLock lock(dir / "m.run"); }), "");
  // Whatever a file of that name says: a process of that number may live, here or elsewhere.
  write_file_atomic(dir / "m.run" / ".lock", "process " + std::to_string(::getpid()) + " on another-host since 2020\n");
  EXPECT_EQ(error_text([&] { FolderLock lock(dir / "m.run"); }), "");
}

TEST(FolderLock, LeavesNothingBehind) {
  TempDir dir;
  { const FolderLock lock(dir / "a" / "m.run"); }
  EXPECT_FALSE(fs::exists(dir / "a" / "m.run"));
  fs::create_directories(dir / "kept");
  {
    const FolderLock lock(dir / "kept");
    EXPECT_TRUE(fs::exists(dir / "kept" / ".lock"));
  }
  EXPECT_TRUE(fs::is_directory(dir / "kept"));
  EXPECT_TRUE(fs::is_empty(dir / "kept"));
}

TEST(FolderLock, NamesTheFolderThatCannotBeWritten) {
  const std::string message = error_text([] { FolderLock lock("/proc/m.run"); });
  EXPECT_NE(message.find("/proc/m.run"), std::string::npos) << message;
}

TEST(FolderLock, HalfWrittenFilesAreRemovedByTheirName) {
  TempDir dir;
  for (const char* name : {".m.safetensors.17.0.tmp", ".other.18.1.tmp", "kept.tmp", ".hidden"})
    write_file_atomic(dir / name, "x");
  remove_half_written(dir.path(), "m.safetensors.");
  EXPECT_FALSE(fs::exists(dir / ".m.safetensors.17.0.tmp"));
  EXPECT_EQ(dir.count(), 3u);
  remove_half_written(dir.path());
  EXPECT_EQ(dir.count(), 2u);
}

}  // namespace
}  // namespace fsfm
