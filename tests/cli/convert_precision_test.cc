// `fsfm convert` of a model file into a smaller one with the same card.
#include <gtest/gtest.h>

#include <tuple>

#include "base/file.h"
#include "engine/vit.h"
#include "face/reconstruct.h"
#include "model/model_file.h"
#include "support/bad_files.h"
#include "support/foreign_vit.h"
#include "support/paths.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace fsfm {
namespace {

using test::run_cli;
using test::TempDir;

std::string golden(const std::string& name) { return test::golden(name).string(); }

TEST(Convert, HalfPrecisionKeepsTheCardAndNearlyTheLogits) {
  TempDir dir;
  const std::string full = (dir / "full.safetensors").string(), half = (dir / "half.safetensors").string();
  ASSERT_EQ(run_cli({"convert", golden("tiny-detector.pth"), full, "--num-heads", "3", "--classes", "fake", "real"})
                .exit_code,
            0);
  const ModelFile whole = ModelFile::open(full);
  VitEngine before(whole, 1);
  const std::vector<float> images = test::random_images(2, before.image_size());
  const std::vector<float> expected = before.logits(images, 2);
  for (const auto& [word, dtype, tolerance] : {std::tuple{"f16", DType::f16, 2e-2f}, {"bf16", DType::bf16, 0.2f}}) {
    const auto result = run_cli({"convert", full, half, "--dtype", word});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const ModelFile small = ModelFile::open(half);
    EXPECT_EQ(small.card().to_json(), whole.card().to_json());
    for (const auto& [name, tensor] : small.tensors()) EXPECT_EQ(tensor.dtype, dtype) << name;
    EXPECT_LT(fs::file_size(half), fs::file_size(full) * 6 / 10);
    VitEngine after(small, 1);
    const std::vector<float> logits = after.logits(images, 2);
    for (size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected[i], tolerance) << word;
    // And back: the numbers that half precision has are floats.
    ASSERT_EQ(run_cli({"convert", half, (dir / "again.safetensors").string(), "--dtype", "f32"}).exit_code, 0);
    VitEngine again(ModelFile::open(dir / "again.safetensors"), 1);
    EXPECT_EQ(again.logits(images, 2), logits);
  }
  // An import in half precision at once.
  const auto imported = run_cli({"convert", golden("tiny-detector.pth"), half, "--num-heads", "3", "--dtype", "f16"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_EQ(ModelFile::open(half).tensor("pos_embed").dtype, DType::f16);
  EXPECT_EQ(run_cli({"convert", full, half, "--dtype", "int8"}).exit_code, 2);
}

TEST(Convert, TrainingsOfOneNetworkAreAveraged) {
  TempDir dir;
  const std::string one = (dir / "one.safetensors").string(), two = (dir / "two.safetensors").string(),
                    mean = (dir / "mean.safetensors").string();
  test::write_tiny_detector(one);
  const ModelFile first = ModelFile::open(one);
  // The same network with every weight doubled: the mean is one and a half times the first.
  TensorMap doubled = first.tensors();
  std::vector<HostTensor> owners;
  owners.reserve(doubled.size());
  for (auto& [name, tensor] : doubled) {
    std::vector<float> values = tensor.to_float();
    for (float& value : values) value *= 2;
    owners.push_back(HostTensor::from_floats(tensor.shape, values));
    tensor = owners.back().view();
  }
  ModelCard older = first.card();
  older.config["adapter"] = false;  // as newer files say what older ones leave out
  write_model(two, older, doubled);
  const auto result = run_cli({"convert", one, mean, "--average", two});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("has no threshold yet"), std::string::npos) << result.err;
  const ModelFile averaged = ModelFile::open(mean);
  EXPECT_EQ(averaged.card().training["averaged_with"], nlohmann::json::array({"two"}));
  EXPECT_TRUE(first.card().threshold.has_value());
  EXPECT_FALSE(averaged.card().threshold.has_value());
  ASSERT_EQ(averaged.tensors().size(), first.tensors().size());
  for (const auto& [name, tensor] : first.tensors()) {
    const std::vector<float> before = tensor.to_float(), after = averaged.tensor(name).to_float();
    for (size_t i = 0; i < before.size(); ++i) ASSERT_FLOAT_EQ(after[i], 1.5f * before[i]) << name;
  }
  // Classes in another order would turn verdicts round.
  test::write_tiny_detector(two, [](ModelCard& card) { card.classes = {"real", "fake"}; });
  const auto other = run_cli({"convert", one, mean, "--average", two});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("not the same network"), std::string::npos) << other.err;
  EXPECT_EQ(run_cli({"convert", golden("tiny-detector.pth"), mean, "--num-heads", "3", "--average", one}).exit_code, 2);
}

TEST(Convert, WithoutTheSimilarityAPretrainedNetworkPaintsAsBefore) {
  TempDir dir;
  const std::string whole = (dir / "whole.safetensors").string(), half = (dir / "half.safetensors").string(),
                    less = (dir / "less.safetensors").string();
  ASSERT_EQ(
      run_cli({"convert", golden("tiny-online.pth"), whole, "--num-heads", "3", "--decoder-heads", "4"}).exit_code, 0);
  ASSERT_EQ(run_cli({"convert", whole, half, "--dtype", "f16"}).exit_code, 0);
  const auto result = run_cli({"convert", whole, less, "--dtype", "f16", "--no-similarity"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_LT(fs::file_size(less), fs::file_size(half));
  Image face(64, 64, 90);
  for (int i = 0; i < 64 * 3; ++i) face.row(i / 3)[i] = static_cast<uint8_t>(i);
  std::vector<uint8_t> masked(16, 1);
  masked[3] = masked[5] = 0;
  const ModelFile all = ModelFile::open(half), part = ModelFile::open(less);
  FaceReconstructor before(all, 1), after(part, 1);
  EXPECT_EQ(after.paint(face, masked).rgb, before.paint(face, masked).rgb);
  EXPECT_NE(run_cli({"info", less}).out.find("pixel decoder"), std::string::npos);
  const std::string exact = (dir / "exact.safetensors").string();  // the numbers as they are
  ASSERT_EQ(run_cli({"convert", whole, exact, "--no-similarity"}).exit_code, 0);
  EXPECT_EQ(ModelFile::open(exact).tensor("decoder_embed.weight").dtype, DType::f32);
  EXPECT_EQ(ModelFile::open(exact).tensors().size(), part.tensors().size());
  const auto detector = run_cli({"convert", golden("tiny-detector.pth"), half, "--num-heads", "3"});
  ASSERT_EQ(detector.exit_code, 0) << detector.err;
  test::expect_one_line(run_cli({"convert", half, less, "--dtype", "f16", "--no-similarity"}), {"half.safetensors"});
}

TEST(Convert, NumbersThatHalfPrecisionLacksAreNamed) {
  TempDir dir;
  test::OwnTensors weights = test::random_vit();
  weights.put_filled("blocks.0.mlp.fc1.bias", {192}, 1e6f);
  test::write_safetensors(dir / "w.safetensors", weights);
  const std::string in = (dir / "w.safetensors").string(), out = (dir / "m.safetensors").string();
  test::expect_one_line(run_cli({"convert", in, out, "--num-heads", "3", "--dtype", "f16"}),
                        {"blocks.0.mlp.fc1.bias", "--dtype"});
  EXPECT_FALSE(fs::exists(out));
  EXPECT_EQ(run_cli({"convert", in, out, "--num-heads", "3", "--dtype", "bf16"}).exit_code, 0);
}

}  // namespace
}  // namespace fsfm
