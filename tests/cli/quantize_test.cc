// fsfm quantize: a file in eight bits that every command reads or refuses by name.
#include <gtest/gtest.h>

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
  const auto convert = run_cli({"convert", path("q.safetensors"), path("c.safetensors")});
  EXPECT_EQ(convert.exit_code, 2);
  EXPECT_NE(convert.err.find("eight bits"), std::string::npos) << convert.err;
}

TEST_F(Quantize, NothingIsWrittenBeyondTheStatedLoss) {
  const auto result = quantize({"--max-auc-loss", "0", "--max-flips", "0"});
  // The tiny network is random: its scores change, and so does their order or a verdict.
  if (result.exit_code == 0) GTEST_SKIP() << "nothing changed: " << result.out;
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("nothing was written"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(dir_ / "q.safetensors"));
}

}  // namespace
}  // namespace fsfm
