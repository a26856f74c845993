#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>

#include "base/error.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::error_text;
using test::TempDir;

// While it lives no file may grow beyond `bytes`: write() fails as it does on a full disk.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

TEST(AtomicFile, AppearsWholeOrNotAtAll) {
  TempDir dir;
  write_file_atomic(dir / "a.txt", "old");
  {
    AtomicFile file(dir / "a.txt");
    file.write("half of the new te");
  }  // no commit: as after a crash
  EXPECT_EQ(read_file(dir / "a.txt"), "old");
  EXPECT_EQ(dir.count(), 1u);
}

TEST(AtomicFile, NamesTheFileItCannotWrite) {
  try {
    write_file_atomic("/nonexistent-folder/x.bin", "x");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent-folder/x.bin"), std::string::npos);
  }
}

TEST(AtomicFile, FullDiskIsAnErrorAndLeavesTheOldFile) {
  TempDir dir;
  write_file_atomic(dir / "a.txt", std::string_view("old"));
  std::string text;
  {
    const SmallDisk disk(4096);
    text = error_text([&] { write_file_atomic(dir / "a.txt", std::string(100'000, 'x')); });
  }
  EXPECT_NE(text.find("a.txt"), std::string::npos) << text;
  EXPECT_NE(text.find("free some space"), std::string::npos) << text;
  EXPECT_EQ(read_file(dir / "a.txt"), "old");
  EXPECT_EQ(dir.count(), 1u);
}

TEST(AtomicFile, ADeviceStaysADevice) {
  EXPECT_THROW(write_file_atomic("/dev/full", std::string_view("no room")), Error);
  EXPECT_NO_THROW(write_file_atomic("/dev/null", std::string_view("gone")));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(AtomicFile, WhatAKilledWriteLeftIsNeverInTheWay) {
  TempDir dir;
  // In a container the process that was killed had the same number and counted from 0 as well.
  for (int counter = 0; counter < 400; ++counter) {
    const std::string name = ".a.txt." + std::to_string(::getpid()) + "." + std::to_string(counter) + ".tmp";
    ::close(::open((dir / name).c_str(), O_CREAT | O_WRONLY, 0600));
  }
  EXPECT_EQ(error_text([&] { write_file_atomic(dir / "a.txt", std::string_view("new")); }), "");
  EXPECT_EQ(read_file(dir / "a.txt"), "new");
  EXPECT_EQ(dir.count(), 401u);
}

TEST(AtomicFile, ALinkStaysALink) {
  TempDir dir;
  fs::create_directories(dir / "real");
  write_file_atomic(dir / "real/a.txt", std::string_view("old"));
  fs::create_symlink("real/a.txt", dir / "first");
  fs::create_symlink(dir / "first", dir / "second");
  {
    AtomicFile file(dir / "second");
    file.write("half");
    EXPECT_EQ(std::distance(fs::directory_iterator(dir / "real"), {}), 2);  // the temporary lies beside the file
  }
  EXPECT_EQ(read_file(dir / "real/a.txt"), "old");
  write_file_atomic(dir / "second", std::string_view("new"));
  EXPECT_TRUE(fs::is_symlink(dir / "first"));
  EXPECT_TRUE(fs::is_symlink(dir / "second"));
  EXPECT_FALSE(fs::is_symlink(dir / "real/a.txt"));
  EXPECT_EQ(read_file(dir / "real/a.txt"), "new");
  EXPECT_EQ(dir.count(), 4u);
}

TEST(AtomicFile, ALinkToNothingMakesTheFileItNames) {
  TempDir dir;
  fs::create_symlink("later.txt", dir / "link");
  write_file_atomic(dir / "link", std::string_view("new"));
  EXPECT_TRUE(fs::is_symlink(dir / "link"));
  EXPECT_EQ(read_file(dir / "later.txt"), "new");
  fs::create_symlink("nowhere/x.txt", dir / "lost");
  EXPECT_NE(error_text([&] { write_file_atomic(dir / "lost", std::string_view("x")); }).find("lost"),
            std::string::npos);
}

TEST(AtomicFile, LoopsFoldersAndEmptyNamesAreErrors) {
  TempDir dir;
  fs::create_symlink("b", dir / "a");
  fs::create_symlink("a", dir / "b");
  fs::create_directories(dir / "folder");
  write_file_atomic(dir / "plain", std::string_view(""));
  EXPECT_NE(error_text([&] { AtomicFile(dir / "a"); }).find("symbolic links"), std::string::npos);
  EXPECT_NE(error_text([&] { AtomicFile(dir / "folder"); }).find("is a folder"), std::string::npos);
  EXPECT_NE(error_text([&] { AtomicFile(dir / "folder/"); }), "");
  EXPECT_NE(error_text([&] { AtomicFile(""); }), "");
  EXPECT_NE(error_text([&] { AtomicFile(dir / "plain/x"); }).find("Not a directory"), std::string::npos);
  EXPECT_NE(error_text([&] { AtomicFile(dir / std::string(300, 'n')); }).find("too long"), std::string::npos);
  EXPECT_EQ(dir.count(), 4u);
}

TEST(AtomicFile, ALongNameHasATemporaryToo) {
  TempDir dir;
  const std::string name(255, 'n');
  write_file_atomic(dir / name, std::string_view("new"));
  EXPECT_EQ(read_file(dir / name), "new");
}

TEST(AtomicFile, KeepsTheModeAndHonoursTheUmask) {
  TempDir dir;
  const mode_t before = ::umask(002);
  write_file_atomic(dir / "new", std::string_view("x"));
  EXPECT_EQ(mode_of(dir / "new"), 0664u);
  ::chmod((dir / "new").c_str(), 0600);
  {
    AtomicFile file(dir / "new");
    for (const auto& entry : fs::directory_iterator(dir.path())) EXPECT_EQ(mode_of(entry.path()), 0600u);
    file.commit();
  }
  EXPECT_EQ(mode_of(dir / "new"), 0600u);
  ::umask(before);
  ::chmod((dir / "new").c_str(), 0444);
  if (::access((dir / "new").c_str(), W_OK) == 0) GTEST_SKIP() << "root may write everything";
  EXPECT_NE(error_text([&] { write_file_atomic(dir / "new", std::string_view("y")); }).find("permissions"),
            std::string::npos);
}

TEST(AtomicFile, APipeIsWrittenInPlace) {
  TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = read_file(dir / "pipe"); });
  write_file_atomic(dir / "pipe", std::string_view("through"));
  reader.join();
  EXPECT_EQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(dir / "pipe"));
}

TEST(AtomicFile, AnOpenDescriptorIsWrittenWhereItStands) {
  TempDir dir;
  const int fd = ::open((dir / "out").c_str(), O_CREAT | O_WRONLY, 0600);
  ASSERT_EQ(::write(fd, "before ", 7), 7);
  write_file_atomic("/dev/fd/" + std::to_string(fd), std::string_view("written"));
  ASSERT_EQ(::write(fd, " after", 6), 6);
  ::close(fd);
  EXPECT_EQ(read_file(dir / "out"), "before written after");
  EXPECT_EQ(dir.count(), 1u);
  EXPECT_NE(error_text([&] { AtomicFile("/dev/fd/" + std::to_string(fd)); }), "");
}

TEST(MappedFile, APipeWithoutAWriterIsRefusedAtOnce) {
  TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_NE(error_text([&] { MappedFile(dir / "pipe"); }).find("not a regular file"), std::string::npos);
}

TEST(Paths, NothingIsNoAndWhatCannotBeLookedAtIsAnError) {
  TempDir dir;
  write_file_atomic(dir / "plain", std::string_view(""));
  fs::create_symlink("loop", dir / "loop");
  fs::create_symlink("none", dir / "dangling");
  EXPECT_TRUE(is_folder(dir.path()));
  EXPECT_TRUE(is_plain_file(dir / "plain"));
  for (const fs::path& nothing :
       {dir / "none", dir / "plain/below", dir / std::string(300, 'n'), dir / "dangling", fs::path()}) {
    EXPECT_FALSE(path_exists(nothing)) << nothing;
    EXPECT_FALSE(is_folder(nothing)) << nothing;
  }
  EXPECT_NE(error_text([&] { path_exists(dir / "loop"); }).find("loop: Too many levels"), std::string::npos);
  EXPECT_NE(error_text([&] { is_folder(dir / "loop"); }).find("leads back"), std::string::npos);
  EXPECT_NE(error_text([&] { make_folders(dir / "plain"); }).find("plain"), std::string::npos);
  EXPECT_NE(error_text([&] { make_folders(dir / "plain/below"); }).find("below"), std::string::npos);
  EXPECT_NE(error_text([&] { make_folders(dir / "loop"); }).find("loop"), std::string::npos);
  EXPECT_NE(error_text([&] { make_folders(dir / "dangling"); }).find("dangling"), std::string::npos);
  EXPECT_EQ(error_text([&] { make_folders(dir / "a/b/c"), make_folders(dir / "a/b/"); }), "");
  EXPECT_NE(error_text([&] { folder_entries(dir / "none"); }).find("none"), std::string::npos);
  EXPECT_EQ(folder_entries(dir / "a"), std::vector<fs::path>{dir / "a/b"});
}

TEST(ListFiles, LeavesHiddenFoldersOut) {
  TempDir dir;
  for (const char* name : {"b/2.jpg", "a/1.jpg", ".thumbnails/3.jpg", "a/.cache/4.jpg", "a/._1.jpg"}) {
    fs::create_directories((dir / name).parent_path());
    write_file_atomic(dir / name, "");
  }
  EXPECT_EQ(list_files(dir.path(), is_image_path), (std::vector<fs::path>{dir / "a/1.jpg", dir / "b/2.jpg"}));
  EXPECT_EQ(subfolders(dir.path()), (std::vector<fs::path>{dir / "a", dir / "b"}));
}

TEST(ListFiles, FollowsLinksButNotRoundInCircles) {
  TempDir dir;
  fs::create_directories(dir / "set/a");
  write_file_atomic(dir / "set/a/1.jpg", "");
  fs::create_directory_symlink(dir / "set/a", dir / "set/b");
  EXPECT_EQ(list_files(dir / "set", is_image_path).size(), 2u);
  fs::create_directory_symlink(dir / "set", dir / "set/a/up");
  const std::string text = test::error_text([&] { list_files(dir / "set", is_image_path); });
  EXPECT_NE(text.find("up is a link to a folder that it lies in"), std::string::npos) << text;
}

TEST(ListFiles, NamesTheFolderThatCannotBeListed) {
  TempDir dir;
  fs::create_directories(dir / "set/locked");
  fs::permissions(dir / "set/locked", fs::perms::none);
  if (::access((dir / "set/locked").c_str(), R_OK) == 0) GTEST_SKIP() << "root may read everything";
  const std::string text = test::error_text([&] { list_files(dir / "set", is_image_path); });
  EXPECT_NE(text.find("locked: Permission denied"), std::string::npos) << text;
  EXPECT_THROW(subfolders(dir / "set/locked"), Error);
  fs::permissions(dir / "set/locked", fs::perms::owner_all);
}

TEST(ListFiles, GoesOnPastProblemsThatSomebodyListensTo) {
  TempDir dir;
  for (const char* name : {"a/1.jpg", "z/2.jpg"}) {
    fs::create_directories((dir / name).parent_path());
    write_file_atomic(dir / name, "");
  }
  fs::create_directory_symlink(dir.path(), dir / "m");
  fs::create_symlink("nowhere", dir / "lost.jpg");
  fs::create_symlink("round.png", dir / "round.png");
  fs::create_symlink("nowhere", dir / "lost.txt");
  std::vector<fs::path> problems;
  const auto files = list_files(dir.path(), is_image_path, [&](const fs::path& path, const Error& problem) {
    problems.push_back(path.filename());
    EXPECT_NE(std::string(problem.what()).find(path.filename().string()), std::string::npos) << problem.what();
  });
  EXPECT_EQ(files, (std::vector<fs::path>{dir / "a/1.jpg", dir / "z/2.jpg"}));
  std::sort(problems.begin(), problems.end());
  EXPECT_EQ(problems, (std::vector<fs::path>{"lost.jpg", "m", "round.png"}));
}

}  // namespace
}  // namespace fsfm
