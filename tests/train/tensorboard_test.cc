#include "train/tensorboard.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "support/event_file.h"
#include "support/temp_dir.h"
#include "train/run_log.h"

namespace fsfm {
namespace {

using test::TempDir;

TEST(TensorBoard, Crc32cOfTheStandardsExample) { EXPECT_EQ(crc32c("123456789"), 0xE3069283u); }

TEST(TensorBoard, RecordsAreFramedAndScalarsEncoded) {
  TempDir dir;
  TensorBoardWriter board(dir.path());
  board.scalars(300, {{"train/loss", 0.5}});
  const auto records = test::read_event_records(board.path());
  ASSERT_EQ(records.size(), 2u);
  for (const auto& record : records) EXPECT_TRUE(record.sound);
  EXPECT_NE(records[0].message.find("brain.Event:2"), std::string::npos);
  const std::string& event = records[1].message;
  EXPECT_EQ(event.substr(0, 1), "\x09");                          // wall_time, a double
  EXPECT_EQ(event.substr(9, 3), std::string("\x10\xac\x02", 3));  // step 300 as a varint
  // summary { value { tag: "train/loss" simple_value: 0.5 } }
  const std::string value = std::string("\x0a\x0a") + "train/loss" + std::string("\x15\x00\x00\x00\x3f", 5);
  EXPECT_EQ(event.substr(12), std::string("\x2a\x13\x0a\x11") + value);
}

TEST(TensorBoard, AResumedRunsFileIsReadLastWhateverTheClockSays) {
  TempDir dir;
  write_file_atomic(dir / "events.out.tfevents.5000000000.fsfm.99999.0", "");
  const TensorBoardWriter second(dir.path(), 3), third(dir.path(), 5);
  EXPECT_GT(second.path().filename().string(), "events.out.tfevents.5000000000.fsfm.99999.0");
  EXPECT_GT(third.path(), second.path());
}

TEST(RunLog, AResumedLogReadsAsIfTheRunHadNeverStopped) {
  TempDir dir;
  {
    RunLog log(dir.path(), std::nullopt);
    for (int step = 1; step <= 4; ++step) log.scalars("train", step, 0.5, {{"loss", 1.0 / step}, {"nothing", NAN}});
  }
  RunLog log(dir.path(), 2);  // the checkpoint was of step 2
  log.scalars("train", 3, 0.5, {{"loss", 7.0}});
  const auto lines = RunLog::read(dir.path());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1]["loss"], 0.5);
  EXPECT_EQ(lines[2]["loss"], 7.0);
  EXPECT_FALSE(lines[0].contains("nothing"));
  EXPECT_EQ(test::shown_steps(dir.path()), (std::map<std::string, std::vector<int64_t>>{{"train/loss", {1, 2, 3}}}));
}

}  // namespace
}  // namespace fsfm
