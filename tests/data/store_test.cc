#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "data/record.h"
#include "data/store/authors_folder.h"
#include "data/store/open_dataset.h"
#include "data/store/sample_writer.h"
#include "data/store/shard_index.h"
#include "data/store/tar_reader.h"
#include "data/store/tar_writer.h"
#include "media/codec.h"
#include "prepare/convert.h"
#include "support/error_text.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"
#include "tensorio/npy.h"

namespace fsfm {
namespace {

using test::TempDir;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

PreparedFace prepared(uint64_t seed, const std::string& class_name, const std::string& split) {
  auto painted = test::paint_face(seed);
  PreparedFace face;
  face.record.class_name = class_name;
  face.record.split = split;
  face.record.video = class_name + "/clip" + std::to_string(seed / 2);
  face.record.frame = static_cast<int64_t>(seed);
  face.record.key = (split.empty() ? "" : split + "/") + class_name + "/clip_frame_" + std::to_string(seed);
  face.record.source = "clip.mp4";
  face.record.box = Rect{-3, 4, 50, 60};
  face.record.face_detector = "dlib-hog";
  face.record.regions = make_region_map(painted.parsing, 224, 224);
  face.record.sums.add(painted.image);
  face.picture = encode_jpeg(painted.image, 90);
  face.extension = "jpg";
  face.parsing = std::move(painted.parsing);
  return face;
}

void write_shards(const fs::path& dir, uint64_t max_samples = 3) {
  auto writer = make_shard_writer({.dir = dir, .max_samples = max_samples}, nullptr);
  for (uint64_t i = 0; i < 7; ++i) writer->add(prepared(i, i % 2 ? "fake" : "real", i < 5 ? "train" : "test"));
  Manifest manifest;
  manifest.name = "painted";
  manifest.form = "shards";
  writer->finish(manifest);
  manifest.write(dir / "manifest.json");
}

// Writes `value` as octal text into a tar header and mends its checksum.
void set_size_field(std::string& tar, size_t header, const std::string& size) {
  tar.replace(header + 124, size.size(), size);
  tar.replace(header + 148, 8, "        ");
  unsigned sum = 0;
  for (size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(tar[header + i]);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  tar.replace(header + 148, 6, text, 6);
  tar[header + 154] = '\0';
}

TEST(Tar, MembersComeBack) {
  TempDir dir;
  const std::string deep = std::string(90, 'd') + "/" + std::string(95, 'n');
  {
    TarWriter tar(dir / "a.tar");
    tar.add("x/one.txt", bytes_of("hello"));
    tar.add(deep, bytes_of(std::string(512, 'z')));
    tar.add("empty", {});
    EXPECT_FALSE(fs::exists(dir / "a.tar"));
    tar.finish();
  }
  EXPECT_FALSE(fs::exists(dir / "a.tar.partial"));
  std::ifstream file(dir / "a.tar", std::ios::binary);
  const auto members = list_tar(file, "a.tar");
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0].name, "x/one.txt");
  EXPECT_EQ(read_tar(file, members[0].offset, members[0].size, "a.tar"), "hello");
  EXPECT_EQ(members[1].name, deep);
  EXPECT_EQ(members[2].size, 0u);
  EXPECT_FALSE(TarWriter::fits(std::string(101, 'n')));
  EXPECT_FALSE(TarWriter::fits("/absolute"));
}

TEST(Tar, OtherProgramsReadIt) {
  TempDir dir;
  TarWriter tar(dir / "a.tar");
  tar.add("x/one.txt", bytes_of("hello"));
  tar.finish();
  EXPECT_EQ(
      std::system(("tar -xf " + (dir / "a.tar").string() + " -C " + dir.path().string() + " 2>/dev/null").c_str()), 0);
  EXPECT_EQ(read_file(dir / "x/one.txt"), "hello");
}

TEST(Tar, ContinuesAtAnEarlierEnd) {
  TempDir dir;
  uint64_t end = 0;
  {
    TarWriter tar(dir / "a.tar");
    tar.add("one", bytes_of("1"));
    end = tar.size();
    tar.add("lost", bytes_of("2"));
  }
  TarWriter tar(dir / "a.tar", end);
  tar.add("two", bytes_of("3"));
  tar.finish();
  std::ifstream file(dir / "a.tar", std::ios::binary);
  const auto members = list_tar(file, "a.tar");
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[1].name, "two");
}

TEST(Tar, HostileArchivesAreErrors) {
  TempDir dir;
  TarWriter writer(dir / "a.tar");
  writer.add("one", bytes_of("content"));
  writer.finish();
  const std::string good = read_file(dir / "a.tar");
  const auto list = [](const std::string& tar) {
    std::istringstream stream(tar);
    return list_tar(stream, "a.tar");
  };
  EXPECT_EQ(list(good).size(), 1u);
  EXPECT_THROW(list(""), Error);
  EXPECT_THROW(list(good.substr(0, 600)), Error);  // cut inside the content
  EXPECT_THROW(list("not a tar" + std::string(1024, 'x')), Error);
  std::string bad = good;
  bad[0] = 'X';  // the checksum no longer holds
  EXPECT_THROW(list(bad), Error);
  for (const char* size : {"77777777777", "00000004000", "0000000000-", "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff"}) {
    bad = good;
    set_size_field(bad, 0, std::string(size, 11));
    EXPECT_THROW(list(bad), Error) << size;
  }
  for (const char* name : {"/etc/passwd", "../up", "a/../../up"}) {
    bad = good;
    bad.replace(0, std::strlen(name), name);
    set_size_field(bad, 0, "00000000007");
    EXPECT_THROW(list(bad), Error) << name;
  }
}

TEST(Record, SurvivesJson) {
  const FaceRecord record = prepared(3, "fake", "train").record;
  const FaceRecord back = FaceRecord::from_json(record.to_json(), "test");
  EXPECT_EQ(back.to_json(), record.to_json());
  EXPECT_EQ(back.regions, record.regions);
  EXPECT_EQ(back.box, record.box);
  EXPECT_FALSE(regions_from_hex("12").has_value());
  EXPECT_FALSE(regions_from_hex(std::string(588, 'f')).has_value());  // bits above the eleven classes
  EXPECT_THROW(FaceRecord::from_json({{"key", 3}}, "test"), Error);
}

TEST(Shards, GiveBackWhatWasWritten) {
  TempDir dir;
  write_shards(dir.path());
  EXPECT_TRUE(fs::exists(dir / "shards/part-000002.tar"));
  const auto data = open_dataset(dir.path());
  EXPECT_EQ(data->info().name, "painted");
  EXPECT_EQ(data->info().classes, (std::vector<std::string>{"fake", "real"}));
  EXPECT_EQ(data->info().attack_classes, (std::vector<std::string>{"fake"}));
  ASSERT_TRUE(data->info().normalization.has_value());
  ASSERT_EQ(data->samples().size(), 7u);
  for (size_t i = 0; i < 7; ++i) {
    const PreparedFace face = prepared(i, i % 2 ? "fake" : "real", i < 5 ? "train" : "test");
    EXPECT_EQ(data->samples()[i].key, face.record.key);
    EXPECT_EQ(data->samples()[i].video, "painted/" + face.record.video);
    EXPECT_EQ(data->samples()[i].label, i % 2 ? 0 : 1);
    EXPECT_EQ(data->samples()[i].frame, static_cast<int64_t>(i));
    EXPECT_EQ(data->load_encoded(i), face.picture);
    EXPECT_EQ(data->load_parsing(i), face.parsing);
    const Sample sample = data->load(i);
    EXPECT_EQ(sample.region_map, face.record.regions);
    EXPECT_EQ(sample.image.width, 224);
    EXPECT_EQ(data->load_record(i)->source, "clip.mp4");
  }
  EXPECT_EQ(open_dataset(dir.path(), "test")->samples().size(), 2u);
}

TEST(Shards, EqualInputGivesEqualFiles) {
  TempDir a, b;
  write_shards(a.path());
  write_shards(b.path());
  EXPECT_EQ(read_file(a / "shards/part-000000.tar"), read_file(b / "shards/part-000000.tar"));
  EXPECT_EQ(read_file(a / "manifest.json"), read_file(b / "manifest.json"));
}

TEST(Shards, ResumeCutsWhatCameAfter) {
  TempDir dir, reference;
  write_shards(reference.path());
  const ShardWriterOptions options{.dir = dir.path(), .max_samples = 3};
  nlohmann::json position;
  {
    auto writer = make_shard_writer(options, nullptr);
    for (uint64_t i = 0; i < 6; ++i) {
      writer->add(prepared(i, i % 2 ? "fake" : "real", i < 5 ? "train" : "test"));
      if (i == 1) position = writer->position();
    }
  }
  EXPECT_TRUE(shard_position_exists(options, position));
  auto writer = make_shard_writer(options, position);
  for (uint64_t i = 2; i < 7; ++i) writer->add(prepared(i, i % 2 ? "fake" : "real", i < 5 ? "train" : "test"));
  Manifest manifest;
  manifest.name = "painted";
  manifest.form = "shards";
  writer->finish(manifest);
  manifest.write(dir / "manifest.json");
  EXPECT_EQ(read_file(dir / "manifest.json"), read_file(reference / "manifest.json"));
}

TEST(Shards, ALyingIndexIsMadeAgainAndALyingManifestIsAnError) {
  TempDir dir;
  write_shards(dir.path(), 100);
  const fs::path tar = dir / "shards/part-000000.tar", index = index_path(tar);
  const std::string good = read_file(index);
  const auto rewrite = [&](const std::string& name, auto value) {
    TensorFile file = read_safetensors(index);
    std::vector<std::byte> bytes(file.tensors.at(name).bytes.begin(), file.tensors.at(name).bytes.end());
    std::memcpy(bytes.data(), &value, sizeof value);
    file.tensors.at(name).bytes = bytes;
    const TempDir other;
    write_safetensors(other / "i", file.tensors, file.metadata);
    const std::string text = read_file(other / "i");
    file = {};
    write_file_atomic(index, text);
  };
  const auto expect_mended = [&] {
    const auto data = open_dataset(dir.path());
    EXPECT_EQ(data->samples().size(), 7u);
    EXPECT_NO_THROW(data->load(0));
    EXPECT_EQ(read_file(index), good);
  };
  rewrite("picture", int64_t{1} << 40);
  expect_mended();
  rewrite("picture", int64_t{-512});
  expect_mended();
  rewrite("picture", int64_t{100});  // inside, but no member's
  expect_mended();
  rewrite("label", int32_t{9});
  expect_mended();
  write_file_atomic(index, std::string_view("no index at all"));
  expect_mended();
  std::string manifest = read_file(dir / "manifest.json");
  manifest.replace(manifest.find("shards/part"), 11, "../../../up");
  write_file_atomic(dir / "manifest.json", manifest);
  EXPECT_THROW(open_dataset(dir.path()), Error);
  write_file_atomic(dir / "manifest.json", "{}");
  EXPECT_THROW(open_dataset(dir.path()), Error);
}

TEST(AuthorsFolder, FoldersOfItsPicturesMayBeClasses) {
  TempDir dir;
  const auto draw = [&](const fs::path& set, const std::vector<const char*>& pictures) {
    fs::create_directories(dir / set / "parsing_maps");
    write_authors_map(dir / set / "parsing_maps/any.npy", test::paint_face(1).parsing);
    uint64_t seed = 1;
    for (const char* name : pictures) {
      fs::create_directories((dir / set / "images" / name).parent_path());
      write_image(dir / set / "images" / name, test::paint_face(seed++, 32).image);
    }
  };
  draw("mixed", {"train/fake/a.png", "train/real/b.png", "train/real/b.jpg"});
  const auto mixed = open_dataset(dir / "mixed");
  EXPECT_EQ(mixed->info().classes, (std::vector<std::string>{"fake", "real"}));
  EXPECT_EQ(mixed->info().attack_classes, (std::vector<std::string>{"fake"}));
  ASSERT_EQ(mixed->samples().size(), 3u);
  EXPECT_EQ(mixed->samples()[0].key, "train/fake/a");
  EXPECT_EQ(mixed->samples()[2].key, "train/real/b.png");
  EXPECT_EQ(mixed->samples()[0].split, "train");
  draw("persons", {"n000001/a.png", "n000002/b.png"});
  EXPECT_EQ(open_dataset(dir / "persons")->info().classes, (std::vector<std::string>{"real"}));
  draw("Deepfakes", {"a.png"});
  EXPECT_EQ(open_dataset(dir / "Deepfakes")->info().attack_classes, (std::vector<std::string>{"Deepfakes"}));
  draw("asks", {"real/a.png", "misc/b.png"});
  EXPECT_NE(test::error_text([&] { open_dataset(dir / "asks"); }).find("--attack-classes"), std::string::npos);
  EXPECT_EQ(open_dataset(dir / "asks", "", {.attack = {"misc"}})->info().attack_classes,
            (std::vector<std::string>{"misc"}));
}

TEST(AuthorsFolder, IsReadAsTheAuthorsWriteIt) {
  TempDir dir;
  const auto face = test::paint_face(9);
  fs::create_directories(dir / "set/images");
  fs::create_directories(dir / "set/parsing_maps");
  write_image(dir / "set/images/v_frame_3.png", face.image);
  write_image(dir / "set/images/w.png", face.image);
  write_authors_map(dir / "set/parsing_maps/v_frame_3.npy", face.parsing);
  EXPECT_EQ(read_npy(dir / "set/parsing_maps/v_frame_3.npy").shape, (Shape{1, 224, 224}));
  write_authors_mean_std(dir / "set/pretrain_ds_mean_std.txt", {{.5f, .4f, .3f}, {.2f, .2f, .2f}});
  const auto data = open_dataset(dir / "set");
  ASSERT_EQ(data->samples().size(), 2u);
  EXPECT_FLOAT_EQ(data->info().normalization->mean[1], .4f);
  EXPECT_EQ(data->samples()[0].video, "set/real/v");
  EXPECT_EQ(data->load(0).region_map, make_region_map(face.parsing, 224, 224));
  EXPECT_FALSE(data->load(1).region_map.has_value());
  std::ofstream(dir / "set/parsing_maps/w.npy") << "no array";
  EXPECT_THROW(open_dataset(dir / "set")->load(1), Error);
}

TEST(Convert, ShardsToFoldersAndBackLoseNothing) {
  TempDir dir;
  auto writer = make_shard_writer({.dir = dir / "a"}, nullptr);
  for (uint64_t i = 0; i < 3; ++i) {
    PreparedFace face = prepared(i, "real", "");
    face.record.key = "clip_frame_" + std::to_string(i);
    const Image image = decode_image(face.picture, "x");
    face.picture = encode_png(image);
    face.record.sums = sums_at_network_size(image);
    face.extension = "png";
    writer->add(face);
  }
  Manifest manifest;
  manifest.name = "painted";
  manifest.form = "shards";
  writer->finish(manifest);
  manifest.write(dir / "a/manifest.json");
  const auto a = open_dataset(dir / "a");
  convert_dataset(*a, dir / "b", "folders", {});
  EXPECT_TRUE(fs::exists(dir / "b/images/clip_frame_2.png"));
  EXPECT_TRUE(fs::exists(dir / "b/parsing_maps/clip_frame_2.npy"));
  const auto b = open_dataset(dir / "b");
  convert_dataset(*b, dir / "c", "shards", {});
  const auto c = open_dataset(dir / "c");
  ASSERT_EQ(c->samples().size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(c->load(i).image.rgb, a->load(i).image.rgb);
    EXPECT_EQ(c->load(i).region_map, a->load(i).region_map);
    EXPECT_EQ(c->load_parsing(i), a->load_parsing(i));
  }
  EXPECT_NEAR(c->info().normalization->mean[0], a->info().normalization->mean[0], 1e-6);
  EXPECT_NEAR(b->info().normalization->std[2], a->info().normalization->std[2], 1e-6);
  EXPECT_THROW(convert_dataset(*a, dir / "b", "folders", {}), Error);
  // Interrupted: nothing is left that could be taken for a dataset.
  EXPECT_FALSE(convert_dataset(*a, dir / "d", "folders", {}, [](uint64_t done, uint64_t) { return done < 2; }));
  EXPECT_FALSE(fs::exists(dir / "d"));
  EXPECT_FALSE(fs::exists(dir / "d.partial"));
  // Nor when a picture turns out to be broken.
  fs::create_directories(dir / "crops");
  write_image(dir / "crops/a.png", test::paint_face(1, 64).image);
  std::ofstream(dir / "crops/b.png") << "no picture";
  EXPECT_THROW(convert_dataset(*open_dataset(dir / "crops"), dir / "e", "shards", {}), Error);
  EXPECT_FALSE(fs::exists(dir / "e"));
  EXPECT_FALSE(fs::exists(dir / "e.partial"));
  // What stands where the copy would be written is not ours to delete.
  fs::create_directories(dir / "f.partial");
  std::ofstream(dir / "f.partial/thesis.txt") << "mine";
  EXPECT_THROW(convert_dataset(*a, dir / "f", "folders", {}), Error);
  EXPECT_EQ(read_file(dir / "f.partial/thesis.txt"), "mine");
}

TEST(FolderWriter, NamesThatFlattenAlikeStayApart) {
  TempDir dir;
  const std::vector<std::string> keys = {"a/b", "a__b", "a_/b", "a/_b", "a__b_frame_7", "a/b_frame_7"};
  auto writer = make_folder_writer(dir / "set", true, nullptr);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i == 3) writer = make_folder_writer(dir / "set", true, writer->position());  // a resume changes nothing
    PreparedFace face = prepared(i, "real", "");
    face.record.key = keys[i];
    writer->add(face);
  }
  Manifest manifest;
  manifest.form = "folders";
  writer->finish(manifest);
  manifest.write(dir / "set/manifest.json");
  EXPECT_EQ(manifest.samples(), keys.size());
  const auto data = open_dataset(dir / "set");
  EXPECT_EQ(data->samples().size(), keys.size());
  EXPECT_TRUE(fs::exists(dir / "set/images/a__b.png"));
  for (const auto& ref : data->samples()) EXPECT_EQ(ref.frame, ref.key.ends_with("_frame_7") ? 7 : -1) << ref.key;
}

TEST(Convert, LabelledShardsBecomeClassFolders) {
  TempDir dir;
  write_shards(dir / "a");
  convert_dataset(*open_dataset(dir / "a"), dir / "b", "folders", {});
  EXPECT_TRUE(fs::exists(dir / "b/train/real/clip_frame_0.png"));
  EXPECT_TRUE(fs::exists(dir / "b/train/real/clip_frame_0.seg.png"));
  const auto b = open_dataset(dir / "b", "train");
  EXPECT_EQ(b->samples().size(), 5u);
  EXPECT_TRUE(b->info().normalization.has_value());
  EXPECT_TRUE(b->load(0).region_map.has_value());
}

}  // namespace
}  // namespace fsfm
