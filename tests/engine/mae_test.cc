#include "engine/mae.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/error_text.h"
#include "support/paths.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

// The authors' checkpoint as `fsfm convert` reads it.
ModelFile converted(const test::TempDir& dir) {
  const auto result = test::run_cli({"convert", test::golden("tiny-online.pth").string(),
                                     (dir / "m.safetensors").string(), "--num-heads", "3", "--decoder-heads", "4"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return ModelFile::open(dir / "m.safetensors");
}

TEST(MaeEngine, PredictsWhatTheAuthorsCodeDoes) {
  const test::TempDir dir;
  MaeEngine engine(converted(dir));
  const TensorFile golden = read_safetensors(test::golden("tiny-pretrain.safetensors"));
  const auto images = golden.tensors.at("images").to_float(), masks = golden.tensors.at("masks").to_float(),
             expected = golden.tensors.at("pred").to_float();  // of the first step
  constexpr size_t kBatch = 6, kImage = 3 * 64 * 64, kPatches = 16, kValues = 768;
  for (size_t b = 0; b < kBatch; ++b) {
    std::vector<uint8_t> masked;
    for (size_t p = 0; p < kPatches; ++p) masked.push_back(masks[b * kPatches + p] != 0);
    const auto predicted = engine.predict(std::span(images).subspan(b * kImage, kImage), masked);
    ASSERT_EQ(predicted.size(), kPatches * kValues);
    for (size_t i = 0; i < predicted.size(); ++i)
      ASSERT_NEAR(predicted[i], expected[b * kPatches * kValues + i], 2e-5) << "picture " << b << ", value " << i;
  }
}

TEST(MaeEngine, RefusesWhatDoesNotFit) {
  const test::TempDir dir;
  MaeEngine engine(converted(dir));
  const std::vector<float> image(3 * 64 * 64, 0.1f);
  std::vector<uint8_t> masked(16, 1);
  EXPECT_NE(test::error_text([&] { engine.predict(image, masked); }), "");  // nothing is seen
  masked[3] = 0;
  EXPECT_EQ(test::error_text([&] { engine.predict(image, masked); }), "");
  EXPECT_NE(test::error_text([&] { engine.predict(image, std::span(masked).first(15)); }), "");
  EXPECT_NE(test::error_text([&] { engine.predict(std::span(image).first(64), masked); }), "");
}

TEST(MaeEngine, NamesAModelWithoutADecoder) {
  const auto model = ModelFile::open(test::source_dir() / "models" / "fsfm-detector.safetensors");
  const std::string text = test::error_text([&] { MaeEngine engine(model); });
  EXPECT_NE(text.find("fsfm-detector.safetensors"), std::string::npos) << text;
  EXPECT_NE(text.find("decoder"), std::string::npos) << text;
}

}  // namespace
}  // namespace fsfm
