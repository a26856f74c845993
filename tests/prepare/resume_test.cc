// A preparation that is interrupted, fails, is split or begun again.
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <new>
#include <system_error>

#include "base/error.h"
#include "data/store/open_dataset.h"
#include "prepare/convert.h"
#include "prepare/painted_inputs.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::draw_inputs, test::entries_of, test::options_for, test::TempDir, test::tools;

TEST(Prepare, ThreadsDoNotChangeTheResult) {
  TempDir dir;
  draw_inputs(dir / "in");
  for (int threads : {1, 4}) {
    auto options = options_for(dir / "in", dir / ("out" + std::to_string(threads)));
    options.threads = threads;
    prepare_dataset(entries_of(dir / "in"), options, tools());
  }
  EXPECT_EQ(read_file(dir / "out1/manifest.json"), read_file(dir / "out4/manifest.json"));
  EXPECT_EQ(read_file(dir / "out1/prepare.jsonl"), read_file(dir / "out4/prepare.jsonl"));
}

TEST(Prepare, AnInterruptedRunGoesOnWhereItStopped) {
  TempDir dir;
  draw_inputs(dir / "in");
  const auto entries = entries_of(dir / "in");
  for (const char* format : {"shards", "folders"}) {
    const fs::path whole = dir / (std::string(format) + "-whole"), parts = dir / (std::string(format) + "-parts");
    auto options = options_for(dir / "in", whole);
    options.format = format;
    prepare_dataset(entries, options, tools());
    options.out = parts;
    options.threads = 1;
    int runs = 0;
    for (;; ++runs) {
      int inputs = 0;
      const auto report = prepare_dataset(entries, options, tools(), [&] { return ++inputs > 2; });
      if (!report.interrupted) break;
      EXPECT_FALSE(fs::exists(parts / "manifest.json"));
      // A crash may tear the last line.
      std::ofstream(parts / "prepare.jsonl", std::ios::app) << "{\"input\": \"torn";
    }
    EXPECT_GE(runs, 3);
    EXPECT_EQ(read_file(parts / "manifest.json"), read_file(whole / "manifest.json"));
    EXPECT_EQ(read_file(parts / "prepare.jsonl"), read_file(whole / "prepare.jsonl"));
    EXPECT_EQ(open_dataset(parts)->samples().size(), 4u);
  }
}

// Finds nothing and runs out of something at its second picture.
class FailingDetector final : public FaceDetector {
 public:
  explicit FailingDetector(std::function<void()> fail) : fail_(std::move(fail)) {}
  std::vector<Face> detect(const Image& image) override {
    if (++calls_ == 2) fail_();
    return test::PaintedDetector().detect(image);
  }
  std::string name() const override { return "failing"; }

 private:
  std::function<void()> fail_;
  int calls_ = 0;
};

TEST(Prepare, TheMachinesTroublesAreNoFaultOfAnInput) {
  const std::pair<const char*, std::function<void()>> troubles[] = {
      {"out of memory", [] { throw std::bad_alloc(); }},
      {"many open files", [] { throw Error("too many open files", "", EMFILE); }},
      {"nput/output error", [] { throw std::system_error(EIO, std::generic_category()); }}};
  for (const auto& [word, fail] : troubles) {
    TempDir dir;
    draw_inputs(dir / "in");
    const auto entries = entries_of(dir / "in");
    auto options = options_for(dir / "in", dir / "out");
    options.threads = 1;
    auto failing = tools();
    failing.make_face_detector = [&, &fail = fail] { return std::make_unique<FailingDetector>(fail); };
    const std::string text = test::error_text([&] { prepare_dataset(entries, options, failing); });
    EXPECT_NE(text.find(word), std::string::npos) << text;
    EXPECT_NE(text.find("run the same command again"), std::string::npos) << text;
    const auto report = prepare_dataset(entries, options, tools());  // nothing was lost and nobody is to blame
    EXPECT_EQ(report.account.inputs.at("unreadable"), 1u);
    auto whole = options_for(dir / "in", dir / "whole");
    prepare_dataset(entries, whole, tools());
    EXPECT_EQ(read_file(dir / "out/prepare.jsonl"), read_file(dir / "whole/prepare.jsonl"));
  }
}

TEST(Prepare, AnInputThatWasNotToBeHadIsTriedAgain) {
  TempDir dir;
  draw_inputs(dir / "in");
  const auto entries = entries_of(dir / "in");
  const auto options = options_for(dir / "in", dir / "out");
  fs::rename(dir / "in/album/good.1.png", dir / "away.png");
  EXPECT_EQ(prepare_dataset(entries, options, tools()).account.inputs.at("not done"), 1u);
  EXPECT_EQ(open_dataset(dir / "out")->samples().size(), 3u);
  fs::rename(dir / "away.png", dir / "in/album/good.1.png");
  const auto report = prepare_dataset(entries, options, tools());
  EXPECT_EQ(report.inputs_now, 1u);
  EXPECT_FALSE(report.account.inputs.contains("not done"));
  EXPECT_EQ(report.account.inputs.at("kept"), 4u);
  EXPECT_EQ(open_dataset(dir / "out")->samples().size(), 4u);
}

TEST(Prepare, OneFileInTwoSplitsIsTwoInputsAlsoAfterAnInterrupt) {
  TempDir dir;
  draw_inputs(dir / "in");
  write_file_atomic(dir / "in/list.csv",
                    "path,label,split\nalbum/good.0.png,real,train\nalbum/good.1.png,real,train\n"
                    "album/good.0.png,real,test\nalbum/good.1.png,real,test\n");
  const auto entries = entries_of(dir / "in/list.csv", "csv");
  auto options = options_for(dir / "in", dir / "out");
  options.threads = 1;
  int inputs = 0;
  prepare_dataset(entries, options, tools(), [&] { return ++inputs > 2; });
  const auto report = prepare_dataset(entries, options, tools());
  EXPECT_EQ(report.account.inputs.at("kept"), 4u);
  EXPECT_EQ(open_dataset(dir / "out", "test")->samples().size(), 2u);
}

TEST(Prepare, ADatasetOfAnotherOriginIsNotOverwritten) {
  TempDir dir;
  draw_inputs(dir / "in");
  prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "a"), tools());
  ASSERT_TRUE(convert_dataset(*open_dataset(dir / "a"), dir / "b", "shards", {}));
  const std::string before = read_file(dir / "b/manifest.json");
  EXPECT_THROW(prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "b"), tools()), Error);
  EXPECT_EQ(read_file(dir / "b/manifest.json"), before);
  EXPECT_EQ(open_dataset(dir / "b")->samples().size(), 4u);
}

TEST(Prepare, OtherOptionsAreNotMixedIn) {
  TempDir dir;
  draw_inputs(dir / "in");
  auto options = options_for(dir / "in", dir / "out");
  prepare_dataset(entries_of(dir / "in"), options, tools());
  options.made["size"] = 112;
  EXPECT_THROW(prepare_dataset(entries_of(dir / "in"), options, tools()), Error);
}

TEST(Prepare, JobsShareTheWorkAndTheLastMerges) {
  TempDir dir;
  draw_inputs(dir / "in");
  fs::remove(dir / "in/copy.png");  // duplicates are found within a part
  auto options = options_for(dir / "in", dir / "out");
  options.parts = 2;
  const auto first = prepare_dataset(entries_of(dir / "in"), options, tools());
  EXPECT_EQ(first.parts_missing, 1);
  EXPECT_FALSE(fs::exists(dir / "out/manifest.json"));
  options.part = 2;
  auto other = options;
  other.made["size"] = 112;
  EXPECT_THROW(prepare_dataset(entries_of(dir / "in"), other, tools()), Error);  // parts of one preparation are alike
  EXPECT_EQ(prepare_dataset(entries_of(dir / "in"), options, tools()).parts_missing, 0);
  const auto data = open_dataset(dir / "out");
  EXPECT_EQ(data->samples().size(), 4u);
  EXPECT_EQ(Manifest::read(dir / "out/manifest.json").outcomes.at("unreadable"), 1u);
}

}  // namespace
}  // namespace fsfm
