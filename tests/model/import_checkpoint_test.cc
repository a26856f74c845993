// Which format a weights file has is decided by its content.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/file.h"
#include "model/import.h"
#include "support/temp_dir.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

// A header of any length is a safetensors header, also where the length's first byte is the one that begins a pickle.
TEST(ReadWeights, TheLengthOfAHeaderIsNoMagicNumber) {
  test::TempDir dir;
  const fs::path path = dir / "w.safetensors";
  const std::array<float, 2> values{1.5f, -2.0f};
  TensorMap tensors;
  tensors["x"] = {DType::f32, {2}, std::as_bytes(std::span(values))};
  unsigned char first = 0;
  for (size_t length = 0; length < 512 && first != 0x80; ++length) {
    write_safetensors(path, tensors, {{"note", std::string(length, 'n')}});
    first = static_cast<unsigned char>(read_file(path, 1 << 20)[0]);
  }
  ASSERT_EQ(first, 0x80);
  const Weights weights = read_weights(path);
  EXPECT_EQ(weights.format, "safetensors");
  EXPECT_EQ(weights.tensors.at("x").to_float()[1], -2.0f);
}

}  // namespace
}  // namespace fsfm
