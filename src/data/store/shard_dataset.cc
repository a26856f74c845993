#include "data/store/shard_dataset.h"

#include <algorithm>

#include "base/error.h"
#include "data/store/palette.h"
#include "data/store/record.h"
#include "data/store/shard_index.h"
#include "media/codec.h"

namespace fsfm {
namespace {

class ShardDataset final : public Dataset {
 public:
  ShardDataset(const std::filesystem::path& dir, const Manifest& manifest) {
    info_.name = manifest.name;
    info_.classes = manifest.classes;
    info_.attack_classes = manifest.attack_classes;
    if (manifest.sums.pixels > 0) info_.normalization = manifest.sums.normalization();
    for (const auto& shard : manifest.shards) {
      shards_.push_back(std::make_unique<Shard>(dir / shard.file, manifest.name, manifest.classes));
      if (shards_.back()->size() != shard.samples)
        throw Error((dir / shard.file).string() + " holds " + std::to_string(shards_.back()->size()) +
                        " samples, the manifest says " + std::to_string(shard.samples),
                    "prepare the dataset again");
      files_.push_back((dir / shard.file).string());
      first_.push_back(samples_.size());
      auto own = shards_.back()->take_samples();
      samples_.insert(samples_.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
    }
    if (samples_.empty()) throw Error(dir.string() + " holds no sample", "see its prepare.jsonl for the reasons");
  }

  const DatasetInfo& info() const override { return info_; }
  const std::vector<SampleRef>& samples() const override { return samples_; }

  Sample load(size_t index) const override {
    const auto [shard, i] = find(index);
    return {decode_image(shards_[shard]->picture(i), location(index)), shards_[shard]->regions(i)};
  }
  std::optional<std::vector<uint8_t>> load_parsing(size_t index) const override {
    const auto [shard, i] = find(index);
    const auto png = shards_[shard]->parsing(i);
    if (png.empty()) return std::nullopt;
    return decode_parsing_png(png, location(index) + ".seg.png");
  }
  std::vector<std::byte> load_encoded(size_t index) const override {
    const auto [shard, i] = find(index);
    const auto bytes = shards_[shard]->picture(i);
    return {bytes.begin(), bytes.end()};
  }
  std::optional<FaceRecord> load_record(size_t index) const override {
    const auto [shard, i] = find(index);
    const auto bytes = shards_[shard]->record(i);
    const auto* chars = reinterpret_cast<const char*>(bytes.data());
    return FaceRecord::from_json(nlohmann::json::parse(chars, chars + bytes.size(), nullptr, false),
                                 location(index) + ".json");
  }
  std::string location(size_t index) const override { return files_[find(index).first] + ":" + samples_.at(index).key; }

 private:
  std::pair<size_t, size_t> find(size_t index) const {
    if (index >= samples_.size()) throw InternalError("sample index outside the dataset");
    const size_t shard =
        static_cast<size_t>(std::upper_bound(first_.begin(), first_.end(), index) - first_.begin()) - 1;
    return {shard, index - first_[shard]};
  }

  DatasetInfo info_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::string> files_;
  std::vector<size_t> first_;  // index of each shard's first sample; an empty shard shares it with the next
  std::vector<SampleRef> samples_;
};

}  // namespace

std::unique_ptr<Dataset> open_shards(const std::filesystem::path& dir, const Manifest& manifest) {
  return std::make_unique<ShardDataset>(dir, manifest);
}

}  // namespace fsfm
