#include "train/tensorboard.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "base/file.h"
#include "support/temp_dir.h"
#include "train/run_log.h"

namespace fsfm {
namespace {

using test::TempDir;

struct Record {
  std::string message;
  bool sound;
};

// TFRecord framing, as TensorBoard reads it: length, its masked CRC, message, its masked CRC.
std::vector<Record> read_records(const std::filesystem::path& path) {
  const std::string file = read_file(path);
  std::vector<Record> records;
  const auto masked = [](std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; };
  for (size_t at = 0; at < file.size();) {
    uint64_t length;
    uint32_t length_crc, crc;
    std::memcpy(&length, file.data() + at, 8);
    std::memcpy(&length_crc, file.data() + at + 8, 4);
    std::string message = file.substr(at + 12, length);
    std::memcpy(&crc, file.data() + at + 12 + length, 4);
    const bool sound = length_crc == masked(file.substr(at, 8)) && crc == masked(message);
    records.push_back({std::move(message), sound});
    at += 16 + length;
  }
  return records;
}

TEST(TensorBoard, Crc32cOfTheStandardsExample) { EXPECT_EQ(crc32c("123456789"), 0xE3069283u); }

TEST(TensorBoard, RecordsAreFramedAndScalarsEncoded) {
  TempDir dir;
  TensorBoardWriter board(dir.path());
  board.scalars(300, {{"train/loss", 0.5}});
  const auto records = read_records(board.path());
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
}

}  // namespace
}  // namespace fsfm
