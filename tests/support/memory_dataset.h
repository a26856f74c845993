// A dataset made by the test itself: pictures and class maps in memory.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/dataset.h"

namespace fsfm::test {

class MemoryDataset final : public Dataset {
 public:
  // `count` samples of alternating labels (fake, real); `make` draws sample i.
  MemoryDataset(size_t count, std::function<Sample(size_t)> make) : make_(std::move(make)) {
    info_.name = "memory";
    info_.classes = {"fake", "real"};
    info_.attack_classes = {"fake"};
    for (size_t i = 0; i < count; ++i) {
      SampleRef ref;
      ref.key = std::to_string(i);
      ref.label = static_cast<int>(i % 2);
      ref.video = "memory/" + info_.classes[i % 2] + "/" + ref.key;
      samples_.push_back(ref);
    }
  }
  DatasetInfo& info() { return info_; }
  std::vector<SampleRef>& samples() { return samples_; }
  const DatasetInfo& info() const override { return info_; }
  const std::vector<SampleRef>& samples() const override { return samples_; }
  Sample load(size_t index) const override { return make_(index); }
  std::optional<std::vector<uint8_t>> load_parsing(size_t) const override { return std::nullopt; }
  std::vector<std::byte> load_encoded(size_t) const override { throw Error("in memory only"); }
  std::string location(size_t index) const override { return "sample " + std::to_string(index); }

 private:
  std::function<Sample(size_t)> make_;
  DatasetInfo info_;
  std::vector<SampleRef> samples_;
};

}  // namespace fsfm::test
