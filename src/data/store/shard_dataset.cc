#include "data/store/shard_dataset.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "data/record.h"
#include "data/store/palette.h"
#include "data/store/shard_index.h"
#include "media/codec.h"
#include "tensorio/json.h"

namespace fsfm {
namespace {

// A shard that was left packed after a download.
void require_unpacked(const std::filesystem::path& tar) {
  std::error_code ignored;
  if (std::filesystem::exists(tar, ignored)) return;
  for (const char* ending : {".gz", ".zst", ".xz", ".bz2"})
    if (const std::string packed = tar.string() + ending; std::filesystem::exists(packed, ignored))
      throw Error(tar.string() + " is missing and " + packed + " lies there", "unpack it");
}

// What there is to say about all shards of a dataset, in a line each.
class ShardNotes {
 public:
  void add(const std::filesystem::path& tar, const Shard& shard, uint64_t promised) {
    if (!shard.repair().why.empty()) {
      const std::string& why = shard.repair().why;
      if (remade_++ == 0)  // without the way out, which was taken
        why_ = (why.starts_with(tar.parent_path().string()) ? "" : tar.string() + " ") + why.substr(0, why.find("; "));
      in_memory_ += !shard.repair().saved;
    }
    if (shard.size() == promised && shard.left_out() == 0) return;
    if (uneven_++ == 0) first_uneven_ = tar.string();
    samples_ += shard.size();
    promised_ += promised;
    left_out_ += shard.left_out();
  }
  void say(const std::filesystem::path& dir) const {
    if (remade_ > 0)
      log::warn("note: {}: the index of {} of its shards was made again from the tar{} ({})", dir.string(), remade_,
                in_memory_ > 0 ? ", in memory, for the folder cannot be written" : "", why_);
    if (uneven_ > 0)
      log::warn(
          "note: {}: {} of its shards ({}{}) hold {} samples where the manifest says {}; {} that lack their picture or "
          ".json are left out",
          dir.string(), uneven_, first_uneven_, uneven_ > 1 ? ", ..." : "", samples_, promised_, left_out_);
  }

 private:
  size_t remade_ = 0, in_memory_ = 0, uneven_ = 0, left_out_ = 0;
  uint64_t samples_ = 0, promised_ = 0;
  std::string why_, first_uneven_;
};

class ShardDataset final : public Dataset {
 public:
  ShardDataset(const std::filesystem::path& dir, const Manifest& manifest) {
    info_.name = manifest.name;
    info_.classes = manifest.classes;
    info_.attack_classes = manifest.attack_classes;
    if (manifest.sums.pixels > 0) info_.normalization = manifest.sums.normalization();
    ShardNotes notes;
    for (const auto& shard : manifest.shards) {
      const std::filesystem::path tar = dir / shard.file;
      require_unpacked(tar);
      shards_.push_back(std::make_unique<Shard>(tar, manifest.name, manifest.classes));
      notes.add(tar, *shards_.back(), shard.samples);
      files_.push_back(tar.string());
      first_.push_back(samples_.size());
      auto own = shards_.back()->take_samples();
      samples_.insert(samples_.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
    }
    notes.say(dir);
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
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return FaceRecord::from_json(parse_json_or_discard(text), location(index) + ".json");
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
