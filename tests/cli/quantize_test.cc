// fsfm quantize: a file in eight bits that every command reads or refuses by name.
#include <gtest/gtest.h>

#include "base/csv.h"
#include "base/file.h"
#include "model/model_file.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace fsfm {
namespace {

using test::run_cli;

class Quantize : public ::testing::Test {
 protected:
  Quantize() {
    for (const char* label : {"real", "fake"}) test::write_face_tree(dir_ / "faces", "val", label, 12, 3, 64);
    test::write_tiny_detector(dir_ / "m.safetensors");
  }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  test::CliResult quantize(const std::vector<std::string>& more) {
    std::vector<std::string> words = {"quantize", path("m.safetensors"), "--data", path("faces"),
                                      "--out",    path("q.safetensors")};
    words.insert(words.end(), more.begin(), more.end());
    return run_cli(words);
  }
  test::TempDir dir_;
};

TEST_F(Quantize, WritesASmallerFileThatEveryCommandReadsOrRefusesByName) {
  const auto result = quantize({"--anyway"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("verdicts changed sides"), std::string::npos) << result.out;
  EXPECT_LT(fs::file_size(dir_ / "q.safetensors"), fs::file_size(dir_ / "m.safetensors"));
  const ModelFile model = ModelFile::open(dir_ / "q.safetensors");
  EXPECT_EQ(model.card().metrics["quantized"]["faces"], 24);
  EXPECT_EQ(model.tensor("blocks.0.attn.qkv.weight").dtype, DType::i8);
  EXPECT_EQ(
      run_cli({"evaluate", "--model", path("q.safetensors"), "--data", path("faces"), "--split", "val"}).exit_code, 0);
  const auto info = run_cli({"info", path("q.safetensors")});
  EXPECT_EQ(info.exit_code, 0) << info.err;
  EXPECT_NE(info.out.find("eight bits"), std::string::npos) << info.out;
  const auto again =
      run_cli({"quantize", path("q.safetensors"), "--data", path("faces"), "--out", path("r.safetensors")});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("is in eight bits already"), std::string::npos) << again.err;
  // Other programs get the matrices as floats.
  ASSERT_EQ(run_cli({"convert", path("q.safetensors"), path("c.safetensors")}).exit_code, 0);
  const ModelFile copy = ModelFile::open(dir_ / "c.safetensors", false);
  EXPECT_FALSE(copy.tensors().contains("blocks.0.attn.qkv.weight_scale"));
  const auto ours = copy.tensor("blocks.0.attn.qkv.weight").to_float(),
             first = ModelFile::open(dir_ / "m.safetensors").tensor("blocks.0.attn.qkv.weight").to_float();
  ASSERT_EQ(ours.size(), first.size());
  for (size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], first[i], 0.01);
}

// With a threshold that lies just above the score of one face after the other, some verdict changes sides.
TEST_F(Quantize, NothingIsWrittenBeyondTheStatedLoss) {
  ASSERT_EQ(run_cli({"evaluate", "--model", path("m.safetensors"), "--data", path("faces"), "--split", "val", "--out",
                     path("scores")})
                .exit_code,
            0);
  const auto rows = parse_csv(read_file(dir_ / "scores/scores.csv"), ',', "scores");
  test::CliResult refused{};
  for (size_t i = 1; i < rows.size() && refused.exit_code == 0; ++i) {
    test::write_tiny_detector(dir_ / "m.safetensors",
                              [&](ModelCard& card) { card.threshold = std::stod(rows[i].fields.back()) + 1e-6; });
    fs::remove(dir_ / "q.safetensors");
    refused = quantize({"--max-flips", "0"});
  }
  EXPECT_EQ(refused.exit_code, 2) << "no verdict ever changed";
  EXPECT_NE(refused.err.find("nothing was written"), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(dir_ / "q.safetensors"));
  EXPECT_EQ(quantize({"--max-flips", "0", "--anyway"}).exit_code, 0);
}

}  // namespace
}  // namespace fsfm
