#include "data/augment/self_blended.h"

#include <algorithm>

#include "base/error.h"
#include "data/augment/self_blend.h"
#include "data/unreadable.h"
#include "media/codec.h"

namespace fsfm {
namespace {

class SelfBlendedDataset final : public Dataset {
 public:
  SelfBlendedDataset(std::shared_ptr<const Dataset> real, uint64_t seed) : real_(std::move(real)), seed_(seed) {
    info_ = real_->info();
    const int label = static_cast<int>(info_.classes.size());
    info_.classes.emplace_back(kSelfBlendedClass);
    info_.attack_classes.emplace_back(kSelfBlendedClass);
    samples_ = real_->samples();
    for (size_t i = 0; i < real_->samples().size(); ++i) {
      try {
        if (!can_self_blend(class_map(i), kParsingSide)) continue;
      } catch (const UnreadableSample&) {
        continue;  // the face itself is left out, and named, when it is read
      }
      SampleRef fake = real_->samples()[i];
      fake.label = label;
      fake.key = std::string(kSelfBlendedClass) + "/" + fake.key;
      fake.video += std::string(" (") + kSelfBlendedClass + ")";
      samples_.push_back(std::move(fake));
      sources_.push_back(i);
    }
    if (sources_.empty())
      throw Error(info_.name + ": the class maps show no face to blend", "make the dataset with fsfm prepare");
  }
  const DatasetInfo& info() const override { return info_; }
  const std::vector<SampleRef>& samples() const override { return samples_; }

  Sample load(size_t index) const override {
    Sample sample = read_sample(*real_, source(index));
    if (!is_fake(index)) return sample;
    Rng rng(seed_, 1 + source(index));
    auto fake = self_blend(sample.image, class_map(source(index)), kParsingSide, rng);
    if (!fake) throw UnreadableSample(location(index) + ": no face to blend any more");
    sample.image = std::move(fake->image);
    return sample;
  }
  std::optional<std::vector<uint8_t>> load_parsing(size_t index) const override {
    return real_->load_parsing(source(index));
  }
  std::vector<std::byte> load_encoded(size_t index) const override {
    return is_fake(index) ? encode_png(load(index).image) : real_->load_encoded(index);
  }
  std::string location(size_t index) const override {
    return real_->location(source(index)) + (is_fake(index) ? " (self-blended)" : "");
  }

 private:
  bool is_fake(size_t index) const { return index >= real_->samples().size(); }
  size_t source(size_t index) const { return is_fake(index) ? sources_.at(index - real_->samples().size()) : index; }
  std::vector<uint8_t> class_map(size_t index) const {
    auto map = read_parsing(*real_, index);
    if (!map)
      throw Error(real_->location(index) + " has no parsing map, which --self-blend needs",
                  "make the dataset with fsfm prepare (it parses every face)");
    return *std::move(map);
  }

  std::shared_ptr<const Dataset> real_;
  uint64_t seed_;
  DatasetInfo info_;
  std::vector<SampleRef> samples_;
  std::vector<size_t> sources_;  // of each fake: its face
};

}  // namespace

std::unique_ptr<Dataset> with_self_blends(std::shared_ptr<const Dataset> real, uint64_t seed) {
  return std::make_unique<SelfBlendedDataset>(std::move(real), seed);
}

}  // namespace fsfm
