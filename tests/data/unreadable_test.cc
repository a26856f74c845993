#include "data/unreadable.h"

#include <gtest/gtest.h>

#include "data/statistics.h"
#include "support/error_text.h"
#include "support/memory_dataset.h"

namespace fsfm {
namespace {

using test::error_text;
using test::MemoryDataset;

// Grey pictures of which every fifth is damaged.
Sample grey(size_t index) {
  if (index % 5 == 4) throw Error("the JPEG data ends too early");
  return {Image(8, 8, static_cast<uint8_t>(10 * index)), std::nullopt};
}

TEST(Unreadable, NamesThePlaceOfTheSample) {
  const MemoryDataset data(5, grey);
  EXPECT_EQ(error_text([&] { read_sample(data, 4); }), "sample 4: the JPEG data ends too early");
  EXPECT_THROW(read_sample(data, 4), UnreadableSample);
  EXPECT_NO_THROW(read_sample(data, 3));
}

TEST(Unreadable, CountsEachOnceAndNamesTheFirst) {
  UnreadableSamples samples;
  EXPECT_FALSE(samples.contains("a"));
  EXPECT_TRUE(samples.add("a", "a.jpg: empty"));
  EXPECT_FALSE(samples.add("a", "a.jpg: gone"));
  samples.add("b", "b.jpg: empty");
  samples.add("c", "c.jpg: empty");
  EXPECT_TRUE(samples.contains("a"));
  EXPECT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples.named(2), "a.jpg: empty; b.jpg: empty; and 1 more");
  EXPECT_EQ(samples.to_json()["count"], 3);
  EXPECT_EQ(samples.entries(2).size(), 1u);
}

TEST(Unreadable, MoreThanTheShareIsAnErrorThatNamesThem) {
  UnreadableSamples samples;
  samples.set_limit("training data", 30, 0.1);
  for (const char* name : {"a", "b", "c"}) samples.add(name, std::string(name) + ".jpg: empty");
  EXPECT_NO_THROW(samples.check());  // three of thirty are a tenth
  samples.add("d", "d.jpg: gone");
  const std::string message = error_text([&] { samples.check(); });
  for (const char* part : {"4 of 30 pictures of the training data", "d.jpg: gone", "--max-bad-share 0.14"})
    EXPECT_NE(message.find(part), std::string::npos) << part << ": " << message;
}

TEST(Unreadable, WhatAnEarlierPartOfTheRunCouldNotReadIsTriedAgain) {
  UnreadableSamples samples;
  samples.set_limit("training data", 10, 0);
  samples.add_earlier("a", "a.jpg: empty");
  EXPECT_EQ(samples.size(), 1u);
  EXPECT_FALSE(samples.contains("a"));
  EXPECT_NO_THROW(samples.check());
  EXPECT_FALSE(samples.add("a", "a.jpg: empty"));  // nothing new, but true still
  EXPECT_TRUE(samples.contains("a"));
  EXPECT_THROW(samples.check(), Error);
}

TEST(Unreadable, StatisticsLeaveItOut) {
  const MemoryDataset damaged(10, grey), whole(8, [](size_t i) { return grey(i < 4 ? i : i + 1); });
  UnreadableSamples unreadable;
  const Normalization a = dataset_normalization(damaged, 0, 3, &unreadable), b = dataset_normalization(whole);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.std, b.std);
  EXPECT_EQ(unreadable.named(), "sample 4: the JPEG data ends too early; sample 9: the JPEG data ends too early");
  EXPECT_THROW(dataset_normalization(damaged), UnreadableSample);
  const MemoryDataset nothing(3, [](size_t) -> Sample { throw Error("empty"); });
  UnreadableSamples all;
  EXPECT_NE(error_text([&] { dataset_normalization(nothing, 0, 1, &all); }).find("no picture of memory"),
            std::string::npos);
}

}  // namespace
}  // namespace fsfm
