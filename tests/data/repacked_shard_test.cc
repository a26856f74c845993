// Shards that other programs packed anew: the same faces and labels, or a line that says what is wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "data/store/open_dataset.h"
#include "data/store/sample_writer.h"
#include "data/store/shard_index.h"
#include "data/store/tar_reader.h"
#include "data/store/tar_writer.h"
#include "media/codec.h"
#include "support/error_text.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

constexpr size_t kFaces = 6;

struct Member {
  std::string name, content;
};

class RepackedShard : public ::testing::Test {
 protected:
  RepackedShard() {
    auto writer = make_shard_writer({.dir = dir_.path()}, nullptr);
    for (uint64_t i = 0; i < kFaces; ++i) {
      PreparedFace face;
      face.record.class_name = i % 2 ? "fake" : "real";
      face.record.split = "train";
      face.record.video = face.record.class_name + "/v" + std::to_string(i);
      face.record.key = "train/" + face.record.video;
      face.picture = encode_png(test::paint_face(i, 32).image);
      face.extension = "png";
      face.record.sums.add(test::paint_face(i, 224).image);
      face.parsing = test::paint_face(i).parsing;
      writer->add(face);
    }
    Manifest manifest;
    manifest.name = "painted";
    manifest.form = "shards";
    writer->finish(manifest);
    manifest.write(dir_ / "manifest.json");
    std::ifstream file(tar_, std::ios::binary);
    for (const auto& m : list_tar(file, "t")) members_.push_back({m.name, read_tar(file, m.offset, m.size, "t")});
    before_ = contents();
    size_ = fs::file_size(tar_);
  }

  // "key class bytes-of-the-picture" of every sample, in any order.
  std::multiset<std::string> contents() const {
    std::multiset<std::string> all;
    const auto data = open_dataset(dir_.path());
    for (size_t i = 0; i < data->samples().size(); ++i) {
      const auto& ref = data->samples()[i];
      const auto bytes = data->load_encoded(i);
      all.insert(ref.key + " " + data->info().classes[static_cast<size_t>(ref.label)] + " " +
                 data->load_record(i)->key + " " +
                 std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) +
                 std::to_string(data->load_parsing(i)->at(30'000)));
    }
    return all;
  }
  static void pack(const fs::path& tar, const std::vector<Member>& members) {
    TarWriter writer(tar);
    for (const auto& m : members) writer.add(m.name, std::as_bytes(std::span(m.content.data(), m.content.size())));
    writer.finish();
  }
  // Packs the members as files with the system's tar.
  void pack_by_tar(const std::vector<Member>& members, const std::string& options) {
    const fs::path files = dir_ / "files";
    fs::remove_all(files);
    for (const auto& m : members) {
      fs::create_directories((files / m.name).parent_path());
      write_file_atomic(files / m.name, std::string_view(m.content));
    }
    ASSERT_EQ(std::system(("cd " + files.string() + " && tar " + options + " -cf " + tar_.string() + " .").c_str()), 0);
    fs::remove_all(files);
  }
  std::vector<Member> pictures_first() const {
    auto apart = members_;
    std::stable_sort(apart.begin(), apart.end(), [](const Member& a, const Member& b) {
      return a.name.ends_with(".png") && !a.name.ends_with(".seg.png") &&
             (!b.name.ends_with(".png") || b.name.ends_with(".seg.png"));
    });
    return apart;
  }
  // Reads the set with the old index and again without any; then once more with the index that was made.
  void expect_the_same(const std::string& what) const {
    EXPECT_EQ(contents(), before_) << what << ", old index";
    fs::remove(index_path(tar_));
    EXPECT_EQ(contents(), before_) << what << ", no index";
    EXPECT_TRUE(fs::exists(index_path(tar_)));
    EXPECT_EQ(contents(), before_) << what << ", new index";
  }

  test::TempDir dir_;
  fs::path tar_ = dir_ / "shards/part-000000.tar";
  std::vector<Member> members_;
  std::multiset<std::string> before_;
  uint64_t size_ = 0;
};

TEST_F(RepackedShard, MembersOfASampleAreJoinedWhereverTheyStand) {
  pack(tar_, pictures_first());
  EXPECT_EQ(fs::file_size(tar_), size_);  // the old index fits by size
  expect_the_same("pictures first");
  auto reversed = members_;
  std::reverse(reversed.begin(), reversed.end());
  pack(tar_, reversed);
  expect_the_same("reversed");
}

// Relabelled in place: the same names, sizes and times, so that no header of the tar differs.
TEST_F(RepackedShard, LabelsOfEqualLengthThatWereExchangedAreSeen) {
  const auto exchange = [](std::string& text) {
    std::string word = text.find("\"fake\"") != std::string::npos ? "fake" : "real";
    text.replace(text.find('"' + word + '"') + 1, 4, word == "fake" ? "real" : "fake");
  };
  const auto classes_by_key = [&] {
    std::map<std::string, std::string> classes;
    const auto data = open_dataset(dir_.path());
    for (const auto& ref : data->samples()) classes[ref.key] = data->info().classes[static_cast<size_t>(ref.label)];
    return classes;
  };
  const auto before = classes_by_key();
  const auto old_time = fs::last_write_time(tar_);
  for (auto& m : members_)
    if (m.name.ends_with(".json")) exchange(m.content);
  for (const bool keep_time : {true, false}) {
    pack(tar_, members_);
    if (keep_time) fs::last_write_time(tar_, old_time);
    for (const auto& [key, name] : classes_by_key())
      EXPECT_EQ(name, (before.at(key) == "fake") == keep_time ? "real" : "fake") << key << " " << keep_time;
    for (auto& m : members_)
      if (m.name.ends_with(".json")) exchange(m.content);
  }
}

TEST_F(RepackedShard, OtherProgramsHeadersAreUnderstood) {
  auto members = members_;
  for (const auto& m : members_) {
    const size_t slash = m.name.rfind('/');
    members.push_back({m.name.substr(0, slash + 1) + "._" + m.name.substr(slash + 1), std::string("\0\5\26\7junk", 8)});
  }
  members.push_back({"__MACOSX/" + members_[0].name, "junk"});
  members.push_back({"README.txt", "no sample"});
  for (const char* format : {"--format=pax", "--format=gnu", "--format=ustar", "--format=v7"}) {
    pack_by_tar(members, format);
    expect_the_same(format);
  }
  // Names longer than ustar holds.
  for (auto& m : members) m.name = std::string(120, 'd') + "/" + std::string(120, 'e') + "/" + m.name;
  for (const char* format : {"--format=pax", "--format=gnu"}) {
    pack_by_tar(members, format);
    expect_the_same(format);
  }
}

TEST_F(RepackedShard, TwoSamplesThatChangedPlacesAreNoticedAndTheLaterOfTwoMembersCounts) {
  auto swapped = members_;  // the third and the fourth sample: sizes differ, the sum does not
  std::swap_ranges(swapped.begin() + 6, swapped.begin() + 9, swapped.begin() + 9);
  pack(tar_, swapped);
  expect_the_same("swapped");
  auto twice = members_;
  twice.insert(twice.begin(), {members_[0].name, "an older picture"});
  pack(tar_, twice);
  expect_the_same("appended");
}

TEST_F(RepackedShard, ASampleWithoutItsPictureOrRecordIsLeftOutAndSaid) {
  auto members = members_;
  std::erase_if(members, [&](const Member& m) { return m.name == members_[0].name || m.name == members_[4].name; });
  pack(tar_, members);
  ASSERT_TRUE(members_[4].name.ends_with(".json"));
  for (int run = 0; run < 2; ++run) {  // also when the new index has been written
    const auto result = test::run_cli({"doctor", dir_.path().string()});
    EXPECT_NE(result.err.find("hold 4 samples where the manifest says 6; 2 that lack"), std::string::npos)
        << result.err;
  }
  auto rest = contents();
  EXPECT_EQ(rest.size(), 4u);
  for (const auto& sample : rest) EXPECT_TRUE(before_.contains(sample));
}

TEST_F(RepackedShard, AnIndexThatCannotBeWrittenServesFromMemory) {
  pack(tar_, pictures_first());
  fs::remove(index_path(tar_));
  fs::create_directories(index_path(tar_) / "in the way");
  EXPECT_EQ(contents(), before_);
  const auto result = test::run_cli({"doctor", dir_.path().string()});
  EXPECT_NE(result.err.find("in memory"), std::string::npos) << result.err;
}

TEST_F(RepackedShard, WhatCannotBeReadIsNamed) {
  const std::string plain = read_file(tar_);
  ASSERT_EQ(std::system(("gzip -k " + tar_.string()).c_str()), 0);
  fs::remove(tar_);
  EXPECT_NE(test::error_text([&] { open_dataset(dir_.path()); }).find(".tar.gz lies there; unpack it"),
            std::string::npos);
  fs::rename(tar_.string() + ".gz", tar_);
  EXPECT_NE(test::error_text([&] { open_dataset(dir_.path()); }).find("packed archive (gzip)"), std::string::npos);
  auto members = members_;
  members.push_back({members_[0].name.substr(0, members_[0].name.rfind('.')) + ".jpg", "another"});
  pack(tar_, members);
  EXPECT_NE(test::error_text([&] { open_dataset(dir_.path()); }).find("two pictures"), std::string::npos);
  members = members_;
  for (auto& m : members)
    if (m.name.ends_with(".json")) m.content.replace(m.content.find("\"class\":\"") + 9, 4, "else");
  pack(tar_, members);
  fs::remove(index_path(tar_));  // equal tar headers: an index that is there would serve
  const std::string text = test::error_text([&] { open_dataset(dir_.path()); });
  EXPECT_NE(text.find("class 'else'"), std::string::npos) << text;
  write_file_atomic(tar_, std::string_view(plain).substr(0, plain.size() / 2));
  EXPECT_THROW(open_dataset(dir_.path()), Error);
}

TEST_F(RepackedShard, AMemberThatIsReplacedWhileTheSetIsOpenIsNotTakenForAnother) {
  const auto data = open_dataset(dir_.path());
  auto swapped = members_;
  std::swap_ranges(swapped.begin(), swapped.begin() + 3, swapped.begin() + 3);
  pack(dir_ / "other.tar", swapped);
  const std::string bytes = read_file(dir_ / "other.tar");
  ASSERT_EQ(bytes.size(), size_);
  std::fstream(tar_, std::ios::in | std::ios::out | std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_NE(test::error_text([&] { data->load_encoded(0); }).find("was changed"), std::string::npos);
  EXPECT_THROW(data->load(1), Error);
  EXPECT_NO_THROW(data->load_encoded(3));
}

TEST(TarReader, LinksSizesAndSparseMembers) {
  test::TempDir dir;
  const auto shell = [&](const std::string& command) {
    return std::system(("cd " + dir.path().string() + " && " + command + " >/dev/null 2>&1").c_str());
  };
  const auto list = [&](const char* tar) {
    std::ifstream file(dir / tar, std::ios::binary);
    std::string text;
    for (const auto& m : list_tar(file, tar)) text += m.name + "=" + read_tar(file, m.offset, m.size, tar) + " ";
    return text;
  };
  ASSERT_EQ(
      shell("mkdir d && printf one > d/a && ln d/a d/b && ln -s a d/c && mkfifo d/f && tar -cf l.tar d/a d/b d/c d/f"),
      0);
  EXPECT_EQ(list("l.tar"), "d/a=one d/b=one ");
  ASSERT_EQ(shell("truncate -s 1M s && tar --sparse -cf s.tar s && tar --sparse --format=pax -cf p.tar s"), 0);
  for (const char* tar : {"s.tar", "p.tar"})
    EXPECT_NE(test::error_text([&] { list(tar); }).find("--sparse"), std::string::npos) << tar;
}

}  // namespace
}  // namespace fsfm
