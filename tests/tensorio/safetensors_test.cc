#include "tensorio/safetensors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::error_text;
using test::TempDir;

// A file with any header and `data_bytes` zero bytes behind it.
void write_raw(const fs::path& path, const std::string& header, size_t data_bytes, uint64_t claimed_header = 0) {
  const uint64_t length = claimed_header ? claimed_header : header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  write_file_atomic(path, file + header + std::string(data_bytes, '\0'));
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

struct Sample {
  HostTensor weight = HostTensor::from_floats({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  HostTensor half = HostTensor::from_floats({3}, std::vector<float>{0.5f, 1.5f, -2}, DType::f16);
  HostTensor empty{DType::i64, {0, 4}, {}};
  HostTensor flag{DType::boolean, {1}, {std::byte{1}}};
  TensorMap map() const {
    return {{"a.flag", flag.view()}, {"b.weight", weight.view()}, {"c.half", half.view()}, {"d.empty", empty.view()}};
  }
};

void expect_equal(const TensorMap& got, const TensorMap& want) {
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, tensor] : want) {
    ASSERT_TRUE(got.contains(name)) << name;
    EXPECT_EQ(got.at(name).dtype, tensor.dtype);
    EXPECT_EQ(got.at(name).shape, tensor.shape);
    EXPECT_TRUE(std::ranges::equal(got.at(name).bytes, tensor.bytes)) << name;
  }
}

TEST(Safetensors, RoundTripKeepsEveryTypeAndTheMetadata) {
  TempDir dir;
  const Sample sample;
  write_safetensors(dir / "m.safetensors", sample.map(), {{"about", "a \"test\" ü"}});
  const TensorFile file = read_safetensors(dir / "m.safetensors");
  expect_equal(file.tensors, sample.map());
  EXPECT_EQ(file.metadata.at("about"), "a \"test\" ü");
  EXPECT_EQ(file.tensors.at("b.weight").as<float>()[5], 6.0f);
}

TEST(Safetensors, MisalignedDataIsStillViewable) {
  TempDir dir;
  write_raw(dir / "m.safetensors", R"({"x":)" + entry("F32", "[2]", "[0,8]") + "}  ", 8);
  EXPECT_EQ(read_safetensors(dir / "m.safetensors").tensors.at("x").as<float>().size(), 2u);
}

TEST(Safetensors, LyingHeadersAreErrors) {
  TempDir dir;
  const fs::path path = dir / "m.safetensors";
  struct Case {
    std::string header, expect;
    size_t data = 16;
  };
  const std::string good = entry("F32", "[2]", "[0,8]");
  const std::vector<Case> cases = {
      {R"({"x":)" + good + R"(,"y":)" + entry("F32", "[2]", "[4,12]") + "}", "overlaps"},
      {R"({"x":)" + good + R"(,"y":)" + entry("F32", "[1]", "[12,16]") + "}", "gap"},
      {R"({"x":)" + good + "}", "belong to no tensor"},
      {R"({"x":)" + entry("F32", "[5]", "[0,20]") + "}", "past the end"},
      {R"({"x":)" + entry("F32", "[4]", "[16,0]") + "}", "past the end"},
      {R"({"x":)" + entry("F32", "[3]", "[0,16]") + "}", "its shape [3] needs 12"},
      {R"({"x":)" + entry("F32", "[4611686018427387904,4]", "[0,0]") + "}", "overflows", 0},
      {R"({"x":)" + entry("F32", "[-1]", "[0,16]") + "}", "bad size"},
      {R"({"x":)" + entry("F32", "[4]", "[0,1e1]") + "}", "data_offsets"},
      {R"({"x":)" + entry("F7", "[4]", "[0,16]") + "}", "unknown type F7"},
      {R"({"x":)" + entry("F32", "[4]", "[0,18446744073709551615]") + "}", "past the end"},
      {R"({"x":)" + good + R"(,"x":)" + good + "}", "twice", 8},
      {R"({"x":[1]})", "lacks dtype"},
      {"{\"" + std::string(1 << 20, 'x') + "\":" + good + "}", "xxx...' has a name of 1048576 bytes", 8},
      {"{\"x\":" + std::string(5000, '[') + std::string(5000, ']') + "}", "deeply"},
      {"{]", "not valid JSON"},
  };
  for (const auto& test : cases) {
    write_raw(path, test.header, test.data);
    const std::string message = error_text([&] { read_safetensors(path); });
    EXPECT_NE(message.find(test.expect), std::string::npos) << test.header.substr(0, 200) << "\n -> " << message;
    EXPECT_NE(message.find("m.safetensors"), std::string::npos) << message;
  }
}

TEST(Safetensors, HeaderLengthIsChecked) {
  TempDir dir;
  const fs::path path = dir / "m.safetensors";
  write_raw(path, "{}", 0, 1000);
  EXPECT_NE(error_text([&] { read_safetensors(path); }).find("past the end"), std::string::npos);
  write_raw(path, "{}", 0, ~uint64_t{0});
  EXPECT_NE(error_text([&] { read_safetensors(path); }).find("not a safetensors file"), std::string::npos);
  write_file_atomic(path, std::string_view("abc"));
  EXPECT_NE(error_text([&] { read_safetensors(path); }).find("too short"), std::string::npos);
  EXPECT_NE(error_text([&] { read_safetensors(dir / "absent"); }).find("absent"), std::string::npos);
}

TEST(Safetensors, TruncationsAreErrors) {
  TempDir dir;
  write_safetensors(dir / "m.safetensors", Sample().map());
  const std::string whole = read_file(dir / "m.safetensors");
  for (size_t size = 0; size < whole.size(); size += 3) {
    std::ofstream(dir / "t.safetensors", std::ios::binary) << whole.substr(0, size);
    EXPECT_THROW(read_safetensors(dir / "t.safetensors"), Error) << size;
  }
}

TEST(Safetensors, ShardsReadAsOneModel) {
  TempDir dir;
  const Sample sample;
  write_file_atomic(dir / "m.safetensors", std::string_view("an older single file"));
  write_sharded_safetensors(dir / "m.safetensors", sample.map(), {{"k", "v"}}, 20);
  EXPECT_FALSE(fs::exists(dir / "m.safetensors"));
  EXPECT_TRUE(fs::exists(dir / "m-00001-of-00003.safetensors"));
  const TensorFile file = read_sharded_safetensors(dir / "m.safetensors.index.json");
  expect_equal(file.tensors, sample.map());
  EXPECT_EQ(file.metadata.at("k"), "v");
  fs::remove(dir / "m-00002-of-00003.safetensors");
  EXPECT_NE(error_text([&] { read_sharded_safetensors(dir / "m.safetensors.index.json"); }).find("missing file"),
            std::string::npos);
}

TEST(Safetensors, AnIndexCannotReachOutOfItsFolder) {
  TempDir dir;
  for (const char* name : {"../m.safetensors", "/etc/passwd", "..", ""}) {
    write_file_atomic(dir / "i.index.json", std::string(R"({"weight_map":{"x":")") + name + "\"}}");
    EXPECT_NE(error_text([&] { read_sharded_safetensors(dir / "i.index.json"); }).find("plain file name"),
              std::string::npos)
        << name;
  }
}

TEST(Safetensors, AFullDiskLeavesTheOldFileAlone) {
  TempDir dir;
  write_file_atomic(dir / "m.safetensors", std::string_view("old"));
  const HostTensor large{DType::u8, {100'000}, std::vector<std::byte>(100'000)};
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_IGN);  // then write() fails as it does on a full disk
  const rlimit tiny{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tiny);
  const std::string message = error_text([&] { write_safetensors(dir / "m.safetensors", {{"x", large.view()}}); });
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_NE(message.find("m.safetensors"), std::string::npos);
  EXPECT_EQ(read_file(dir / "m.safetensors"), "old");
  EXPECT_EQ(dir.count(), 1u);
}

}  // namespace
}  // namespace fsfm
