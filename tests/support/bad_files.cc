#include "support/bad_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/paths.h"
#include "support/pth_writer.h"

namespace fsfm::test {
namespace {

std::string safetensors(uint64_t stated_header, const std::string& header, const std::string& data) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &stated_header, 8);
  return file + header + data;
}

}  // namespace

void write_bad_files(const std::filesystem::path& dir) {
  std::filesystem::create_directories(dir / "empty");
  std::filesystem::create_directories(dir / "texts");
  write_image(dir / "wall.png", paint_background(3, 320, 240));
  for (const char* name : {"text.jpg", "texts/text.jpg"})
    write_file_atomic(dir / name, std::string_view("no picture\n"));
  const std::string whole = read_file(golden("tiny-detector.pth"));
  write_file_atomic(dir / "cut.pth", std::string_view(whole).substr(0, whole.size() / 2));
  write_file_atomic(dir / "evil.pth",
                    std::string_view(checkpoint(pkl::call(
                        pkl::global("os", "system"), pkl::tuple({pkl::text("touch " + (dir / "canary").string())})))));
  const std::string header = R"({"cls_token":{"dtype":"F32","shape":[1,1,64],"data_offsets":[0,256]}})";
  write_file_atomic(dir / "beyond.safetensors", std::string_view(safetensors(header.size(), header, "only this")));
  write_file_atomic(dir / "huge.safetensors", std::string_view(safetensors(uint64_t{1} << 60, header, "only this")));
  write_file_atomic(dir / "typo.toml", std::string_view("seeed = 3\n"));
}

void expect_one_line(const CliResult& result, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_TRUE(result.err.starts_with("fsfm: ")) << result.err;
  for (const auto& part : parts) EXPECT_NE(result.err.find(part), std::string::npos) << part << ": " << result.err;
  EXPECT_EQ(result.out, "");
}

}  // namespace fsfm::test
