#include "tensorio/npy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::error_text;
using test::TempDir;

std::vector<std::byte> npy(const std::string& header, const std::string& data, char version = 1) {
  std::string file = std::string("\x93NUMPY") + version + '\0';
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  if (version > 1) file += std::string(2, '\0');
  file += header + data;
  const auto bytes = std::as_bytes(std::span(file));
  return {bytes.begin(), bytes.end()};
}

std::string header_of(const std::string& descr, const std::string& fortran, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

TEST(Npy, RoundTrip) {
  TempDir dir;
  for (const Shape& shape : {Shape{2, 3}, Shape{6}, Shape{1, 6, 1}}) {
    const HostTensor tensor = HostTensor::from_floats(shape, std::vector<float>{1, 2, 3, 4, 5, 6});
    write_npy(dir / "a.npy", tensor.view());
    EXPECT_EQ(fs::file_size(dir / "a.npy") % 64, 24u);
    const HostTensor again = read_npy(dir / "a.npy");
    EXPECT_EQ(again.shape, shape);
    EXPECT_EQ(again.data, tensor.data);
  }
}

TEST(Npy, FortranOrderAndBigEndianAreUndone) {
  const HostTensor tensor = parse_npy(npy(header_of("|u1", "True", "(2, 3)"), std::string("\1\4\2\5\3\6")), "x");
  EXPECT_EQ(tensor.view().to_float(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(parse_npy(npy(header_of(">i2", "False", "(1,)"), std::string("\1\2"), 2), "x").view().to_float(),
            std::vector<float>{258});
}

TEST(Npy, BadFilesAreErrors) {
  auto message = [](const std::string& header, const std::string& data = std::string(8, '\0')) {
    return error_text([&] { parse_npy(npy(header, data), "bad.npy"); });
  };
  EXPECT_NE(message(header_of("<f4", "False", "(3,)")).find("more bytes than the file"), std::string::npos);
  EXPECT_NE(message(header_of("<f4", "False", "(4611686018427387904, 16)")).find("too large"), std::string::npos);
  EXPECT_NE(message(header_of("|O", "False", "(1,)")).find("not supported"), std::string::npos);
  EXPECT_NE(message(header_of("<f4", "Maybe", "(1,)")).find("fortran_order"), std::string::npos);
  EXPECT_NE(message(header_of("<f4", "False", "(1,")).find("shape"), std::string::npos);
  EXPECT_NE(message(header_of("<f4", "False", "(-1,)")).find("shape"), std::string::npos);
  EXPECT_NE(message("{}").find("type"), std::string::npos);
  const std::vector<std::byte> whole = npy(header_of("<f4", "False", "(2,)"), std::string(8, '\0'));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW(parse_npy(std::span(whole).first(size), "cut.npy"), Error) << size;
}

}  // namespace
}  // namespace fsfm
