// fsfm selfcheck: passes on the reference folder, and notices when it should not.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "support/paths.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "tensorio/safetensors.h"
#include "train/selfcheck/golden.h"

namespace fs = std::filesystem;
using fsfm::test::run_cli;
using fsfm::test::TempDir;

namespace {

const fs::path kGolden = fsfm::test::golden("");

// A copy of the reference folder that a test may damage.
void copy_golden(const TempDir& folder) {
  for (const auto& entry : fs::directory_iterator(kGolden))
    fs::copy_file(entry.path(), folder / entry.path().filename());
}

}  // namespace

TEST(Selfcheck, EveryCheckPassesOnTheReference) {
  const auto result = run_cli({"selfcheck", "--golden", kGolden.string()});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_NE(result.out.find(" passed, 0 failed\n"), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("FAIL"), std::string::npos);
  for (const char* topic :
       {"mask frequencies", "checkpoint: tiny-online.pth", "forward: latent", "loss: simclr", "gradients",
        "target weights after all steps", "layer decay", "vit avg", "engine without libtorch", "anti-spoofing head",
        "contrastive loss", "metrics: hter", "preprocessing: square 224"}) {
    EXPECT_NE(result.out.find(topic), std::string::npos) << topic;
  }
}

TEST(Selfcheck, AWrongReferenceValueFails) {
  TempDir folder;
  copy_golden(folder);
  const fs::path file = folder / "fas-head.safetensors";
  {
    // The last bytes of the file are the value of a float: its exponent is changed.
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(-1, std::ios::end);
    const char byte = static_cast<char>(stream.get() ^ 0x01);
    stream.seekp(-1, std::ios::end);
    stream.put(byte);
  }
  // Every comparison with NaN is false: it must fail all the same.
  const fsfm::TensorFile regions = fsfm::read_safetensors(folder / "regions.safetensors");
  fsfm::TensorMap tensors = regions.tensors;
  auto frequencies = tensors.at("mean_mask").to_float();
  frequencies[0] = std::numeric_limits<float>::quiet_NaN();
  const auto damaged = fsfm::HostTensor::from_floats(tensors.at("mean_mask").shape, frequencies);
  tensors["mean_mask"] = damaged.view();
  fsfm::write_safetensors(folder / "regions.safetensors", tensors, regions.metadata);
  const auto result = run_cli({"selfcheck", "--golden", folder.path().string()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find("FAIL"), std::string::npos);
  EXPECT_EQ(result.out.find(" 0 failed"), std::string::npos);
  const size_t line = result.out.find("mask frequencies");
  ASSERT_NE(line, std::string::npos) << result.out;
  EXPECT_NE(result.out.substr(line, result.out.find('\n', line) - line).find("FAIL"), std::string::npos) << result.out;
}

TEST(Selfcheck, ADifferenceThatIsNoNumberIsTheLargest) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(fsfm::selfcheck::largest_difference(nan, 1.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(fsfm::selfcheck::largest_difference(1.0, nan), std::numeric_limits<double>::infinity());
  EXPECT_EQ(fsfm::selfcheck::largest_difference(1.0, -0.5), 1.5);
}

TEST(Selfcheck, AMissingFileFailsItsChecksOnly) {
  TempDir folder;
  copy_golden(folder);
  fs::remove(folder / "metrics.json");
  const auto result = run_cli({"selfcheck", "--golden", folder.path().string()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find("metrics.json"), std::string::npos);
  EXPECT_NE(result.out.find(" 1 failed"), std::string::npos) << result.out;
}

TEST(Selfcheck, AMissingFolderIsTheUsersMistake) {
  const auto result = run_cli({"selfcheck", "--golden", "/no/such/folder"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("/no/such/folder"), std::string::npos);
}
