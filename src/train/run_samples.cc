#include "train/run_samples.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/record.h"
#include "data/unreadable.h"
#include "train/checkpoint.h"
#include "train/data_split.h"

namespace fsfm {
namespace {

using nlohmann::json;

constexpr size_t kNamed = 5, kBuffer = size_t{1} << 20;
constexpr uint64_t kMostBytes = uint64_t{8} << 30;

// The first few of many names.
std::string named(const std::vector<std::string>& names) {
  const std::vector<std::string> first(names.begin(),
                                       names.begin() + static_cast<std::ptrdiff_t>(std::min(kNamed, names.size())));
  return join(first, ", ") + (names.size() > kNamed ? fmt::format(" and {} more", names.size() - kNamed) : "");
}

// The list of one file: a line about all, then one a sample.
struct Recorded {
  DatasetInfo info;
  std::vector<SampleRef> samples;
};

Recorded read_list(const fs::path& file) {
  Recorded list;
  const std::string text = read_file(file, kMostBytes);
  try {
    size_t begin = 0;
    for (bool first = true; begin < text.size(); first = false) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const json line = json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                    text.begin() + static_cast<std::ptrdiff_t>(end));
      begin = end + 1;
      if (first) {
        line.at("name").get_to(list.info.name);
        line.at("classes").get_to(list.info.classes);
        line.at("attack_classes").get_to(list.info.attack_classes);
        list.info.normalization =
            Normalization{line.at("mean").get<std::array<float, 3>>(), line.at("std").get<std::array<float, 3>>()};
        continue;
      }
      SampleRef& ref = list.samples.emplace_back();
      line.at(0).get_to(ref.key);
      line.at(1).get_to(ref.label);
      line.at(2).get_to(ref.video);
      line.at(3).get_to(ref.split);
      line.at(4).get_to(ref.frame);
      if (ref.label < 0 || static_cast<size_t>(ref.label) >= list.info.classes.size())
        throw Error("a label without a class");
    }
  } catch (const std::exception& error) {
    throw Error(file.string() + " is damaged (" + error.what() + ")", "start anew with --overwrite");
  }
  return list;
}

// The recorded samples, in their order, out of what is there now.
class RecordedDataset final : public Dataset {
 public:
  static constexpr size_t kGone = static_cast<size_t>(-1);
  RecordedDataset(std::shared_ptr<const Dataset> now, Recorded recorded, std::vector<size_t> places)
      : now_(std::move(now)), info_(now_->info()), samples_(std::move(recorded.samples)), places_(std::move(places)) {
    // A class that is gone altogether still has its number.
    if (info_.classes == recorded.info.classes) return;
    info_.classes = std::move(recorded.info.classes);
    info_.attack_classes = std::move(recorded.info.attack_classes);
  }
  const DatasetInfo& info() const override { return info_; }
  const std::vector<SampleRef>& samples() const override { return samples_; }
  Sample load(size_t index) const override { return now_->load(place(index)); }
  std::optional<std::vector<uint8_t>> load_parsing(size_t index) const override {
    return now_->load_parsing(place(index));
  }
  std::vector<std::byte> load_encoded(size_t index) const override { return now_->load_encoded(place(index)); }
  std::optional<FaceRecord> load_record(size_t index) const override {
    return places_.at(index) == kGone ? std::nullopt : now_->load_record(places_[index]);
  }
  std::string location(size_t index) const override {
    return places_.at(index) == kGone ? samples_[index].key : now_->location(places_[index]);
  }

 private:
  size_t place(size_t index) const {
    if (places_.at(index) == kGone)
      throw UnreadableSample(samples_[index].key + ": no longer there since the run began");
    return places_[index];
  }
  std::shared_ptr<const Dataset> now_;
  DatasetInfo info_;
  std::vector<SampleRef> samples_;
  std::vector<size_t> places_;  // of each sample in now_, or kGone
};

}  // namespace

RunSamples::RunSamples(const RunSettings& settings)
    : folder_(settings.run_folder()),
      max_missing_share_(settings.max_bad_share),
      resumed_(settings.resume && CheckpointFolder(folder_ / "checkpoints", 1).latest().has_value()) {}

fs::path RunSamples::file_of(const std::string& role) const { return folder_ / (role + ".samples.jsonl"); }

std::shared_ptr<const Dataset> RunSamples::open(const std::string& role, const std::vector<fs::path>& folders,
                                                const std::string& split, const ClassStatement& stated) {
  std::shared_ptr<const Dataset> now = open_all(folders, split, stated);
  opened_[role] = now;
  if (!resumed_ || !fs::exists(file_of(role))) return now;  // runs of older versions have no such file
  Recorded recorded = read_list(file_of(role));
  normalization_ = recorded.info.normalization;

  std::unordered_map<std::string, size_t> places;
  for (size_t i = 0; i < now->samples().size(); ++i) places.emplace(to_utf8(now->samples()[i].key), i);
  std::vector<size_t> found;
  std::vector<std::string> gone, added;
  for (auto& sample : recorded.samples) {
    const auto place = places.find(sample.key);
    found.push_back(place == places.end() ? RecordedDataset::kGone : place->second);
    if (place == places.end()) {
      gone.push_back(sample.key);
      if (sample.video.starts_with(recorded.info.name + "/"))  // the folder may have another name by now
        sample.video = now->info().name + sample.video.substr(recorded.info.name.size());
    } else {
      const int label = sample.label;
      sample = now->samples()[place->second];
      sample.label = label;
      places.erase(place);
    }
  }
  for (const auto& [key, i] : places) added.push_back(key);
  std::sort(added.begin(), added.end());

  const std::string option = "--" + role;
  const auto total = static_cast<double>(recorded.samples.size());
  if (static_cast<double>(gone.size()) > max_missing_share_ * total + 1e-9) {
    const double share = std::min(1.0, std::ceil(100 * static_cast<double>(gone.size()) / total) / 100);
    throw Error(
        fmt::format("{} began with other data: {} of its {} pictures are not in {} ({})", folder_.string(), gone.size(),
                    recorded.samples.size(), option, named(gone)),
        gone.size() == recorded.samples.size()
            ? "resume with the same data, or start anew with --overwrite"
            : fmt::format("resume with the same data, go on with what is left by --max-bad-share {:g}, or start "
                          "anew with --overwrite",
                          share));
  }
  if (!gone.empty())
    notes_.push_back(fmt::format("{}: {} pictures fewer than when the run began ({}); the run goes on without them",
                                 option, gone.size(), named(gone)));
  if (!added.empty())
    notes_.push_back(fmt::format("{}: {} pictures more than when the run began ({}); this run leaves them out", option,
                                 added.size(), named(added)));
  if (gone.empty() && added.empty()) return now;
  return std::make_shared<RecordedDataset>(std::move(now), std::move(recorded), std::move(found));
}

void RunSamples::write(const Normalization& normalization) const {
  if (folder_.empty()) return;
  std::error_code ignored;
  for (const char* role : {"data", "val-data"}) fs::remove(file_of(role), ignored);
  for (const auto& [role, dataset] : opened_) {
    const DatasetInfo& info = dataset->info();
    AtomicFile file(file_of(role));
    std::string lines;
    const auto line = [&](const json& value) {
      lines += value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
      if (lines.size() > kBuffer) file.write(std::exchange(lines, ""));
    };
    line({{"name", info.name},
          {"classes", info.classes},
          {"attack_classes", info.attack_classes},
          {"mean", normalization.mean},
          {"std", normalization.std}});
    for (const auto& ref : dataset->samples())
      line({to_utf8(ref.key), ref.label, to_utf8(ref.video), ref.split, ref.frame});
    file.write(lines);
    file.commit();
  }
}

}  // namespace fsfm
