#include "base/bench.h"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "media/codec.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

TEST(Bench, MeasuresOrderedQuantilesOfOneCall) {
  std::atomic<int64_t> calls = 0;  // atomic, so that no compiler folds a batch of calls into one addition
  const Timing timing = measure([&] { ++calls; }, {.seconds = 0.01, .warm_up = 0.001});
  EXPECT_GE(timing.samples, 5);
  EXPECT_GE(calls, timing.samples);
  EXPECT_LE(timing.p10, timing.median);
  EXPECT_LE(timing.median, timing.p90);
}

TEST(Bench, PrintsOneLineOfJson) {
  const auto result = test::run_cli({"bench", "resize", "--json", "--seconds", "0.01"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["bench"], "resize");
  ASSERT_FALSE(json["cases"].empty());
  for (const auto& item : json["cases"]) EXPECT_GT(item["median_ms"].get<double>(), 0);
}

TEST(Bench, APhotographIsJudgedFromItsFileAndItsFacesAreFound) {
  const test::TempDir dir;
  const std::string photo = (dir / "photo.png").string();
  write_image(photo, test::paint_photo(3, 2, 560, 320).image);
  for (const auto& [what, first] : {std::pair{"detect", "decode to verdict, ViT-tiny, fp32"}, {"faces", "blazeface"}}) {
    const auto result =
        test::run_cli({"bench", what, "--picture", photo, "--model", "tiny", "--json", "--seconds", "0.01"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const auto json = nlohmann::json::parse(result.out);
    EXPECT_EQ(json["cases"][0]["name"], first);
    EXPECT_EQ(json["cases"][0]["items"], 2);
    const auto none = test::run_cli({"bench", what, "--seconds", "0.01"});
    EXPECT_EQ(none.exit_code, 2);
    EXPECT_NE(none.err.find("--picture"), std::string::npos) << none.err;
  }
}

TEST(Bench, AnUnknownNameListsTheKnown) {
  const auto result = test::run_cli({"bench", "resise"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("resize"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
