#include "data/dataset.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "data/record.h"

namespace fsfm {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Forwards to a base dataset through a list of indices.
class Subset : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> base, std::vector<size_t> indices)
      : base_(std::move(base)), indices_(std::move(indices)) {
    samples_.reserve(indices_.size());
    for (const size_t index : indices_) {
      if (index >= base_->samples().size()) throw InternalError("subset: index outside the dataset");
      samples_.push_back(base_->samples()[index]);
    }
  }
  const DatasetInfo& info() const override { return base_->info(); }
  const std::vector<SampleRef>& samples() const override { return samples_; }
  Sample load(size_t index) const override { return base_->load(indices_.at(index)); }
  std::optional<std::vector<uint8_t>> load_parsing(size_t index) const override {
    return base_->load_parsing(indices_.at(index));
  }
  std::vector<std::byte> load_encoded(size_t index) const override { return base_->load_encoded(indices_.at(index)); }
  std::optional<FaceRecord> load_record(size_t index) const override { return base_->load_record(indices_.at(index)); }
  std::string location(size_t index) const override { return base_->location(indices_.at(index)); }

 protected:
  std::shared_ptr<const Dataset> base_;
  std::vector<size_t> indices_;
  std::vector<SampleRef> samples_;
};

// A dataset of known classes of which the user says something else.
class Restated final : public Subset {
 public:
  Restated(std::shared_ptr<const Dataset> base, const ClassStatement& stated)
      : Subset(base, all_of(*base)), info_(base->info()) {
    if (stated.unlabelled) {
      info_.classes = {std::string(kUnlabelledClass)};
      info_.attack_classes.clear();
      for (auto& sample : samples_) sample.label = 0;
      return;
    }
    info_.attack_classes.clear();
    for (size_t c = 0; c < info_.classes.size(); ++c) {
      std::string& name = info_.classes[c];
      const ClassKind kind = stated.kind_of(name);
      const bool attack =
          kind == ClassKind::unknown ? contains(base->info().attack_classes, name) : kind == ClassKind::attack;
      // Faces that were stored without a label have one now.
      if (name == kUnlabelledClass && kind != ClassKind::unknown) name = attack ? "attack" : "real";
      if (attack) info_.attack_classes.push_back(name);
    }
  }
  const DatasetInfo& info() const override { return info_; }

 private:
  static std::vector<size_t> all_of(const Dataset& dataset) {
    std::vector<size_t> all(dataset.samples().size());
    std::iota(all.begin(), all.end(), size_t{0});
    return all;
  }
  DatasetInfo info_;
};

class Concatenation final : public Dataset {
 public:
  explicit Concatenation(std::vector<std::unique_ptr<Dataset>> parts) : parts_(std::move(parts)) {
    std::set<std::string> classes, attacks, names;
    for (const auto& part : parts_) {
      classes.insert(part->info().classes.begin(), part->info().classes.end());
      attacks.insert(part->info().attack_classes.begin(), part->info().attack_classes.end());
      info_.folders.insert(info_.folders.end(), part->info().folders.begin(), part->info().folders.end());
      info_.notes.insert(info_.notes.end(), part->info().notes.begin(), part->info().notes.end());
      if (const std::string& more = part->info().left_out; !more.empty())
        info_.left_out += (info_.left_out.empty() ? "" : ", ") + more;
    }
    for (const auto& part : parts_)
      for (const auto& name : part->info().classes)
        if (attacks.contains(name) && !contains(part->info().attack_classes, name))
          throw Error("class " + name + " is an attack in one dataset and real in another", how_to_name_classes());
    info_.classes.assign(classes.begin(), classes.end());
    info_.attack_classes.assign(attacks.begin(), attacks.end());
    for (const auto& part : parts_) append(*part, names);
    std::vector<std::string> ordered(names.begin(), names.end());
    info_.name = join(ordered, "+");
    if (parts_.size() == 1) info_.normalization = parts_.front()->info().normalization;
  }
  const DatasetInfo& info() const override { return info_; }
  const std::vector<SampleRef>& samples() const override { return samples_; }
  Sample load(size_t index) const override { return part(index).load(local(index)); }
  std::optional<std::vector<uint8_t>> load_parsing(size_t index) const override {
    return part(index).load_parsing(local(index));
  }
  std::vector<std::byte> load_encoded(size_t index) const override { return part(index).load_encoded(local(index)); }
  std::optional<FaceRecord> load_record(size_t index) const override { return part(index).load_record(local(index)); }
  std::string location(size_t index) const override { return part(index).location(local(index)); }

 private:
  void append(const Dataset& part, std::set<std::string>& names) {
    const std::string& name = part.info().name;
    std::string unique = name;
    for (int n = 2; !names.insert(unique).second; ++n) unique = name + "#" + std::to_string(n);
    std::vector<int> labels;
    for (const auto& c : part.info().classes)
      labels.push_back(
          static_cast<int>(std::find(info_.classes.begin(), info_.classes.end(), c) - info_.classes.begin()));
    first_.push_back(samples_.size());
    for (SampleRef ref : part.samples()) {
      ref.label = labels.at(static_cast<size_t>(ref.label));
      ref.key = unique + "/" + ref.key;
      if (unique != name && ref.video.starts_with(name + "/")) ref.video = unique + ref.video.substr(name.size());
      samples_.push_back(std::move(ref));
    }
  }
  size_t part_of(size_t index) const {
    if (index >= samples_.size()) throw InternalError("concatenate: index outside the dataset");
    return static_cast<size_t>(std::upper_bound(first_.begin(), first_.end(), index) - first_.begin()) - 1;
  }
  const Dataset& part(size_t index) const { return *parts_[part_of(index)]; }
  size_t local(size_t index) const { return index - first_[part_of(index)]; }

  std::vector<std::unique_ptr<Dataset>> parts_;
  std::vector<size_t> first_;  // index of each part's first sample
  std::vector<SampleRef> samples_;
  DatasetInfo info_;
};

}  // namespace

std::optional<FaceRecord> Dataset::load_record(size_t) const { return std::nullopt; }

std::unique_ptr<Dataset> restate(std::unique_ptr<Dataset> dataset, const ClassStatement& stated) {
  if (stated.empty()) return dataset;
  return std::make_unique<Restated>(std::move(dataset), stated);
}

std::unique_ptr<Dataset> concatenate(std::vector<std::unique_ptr<Dataset>> parts) {
  if (parts.empty()) throw Error("no dataset given", "name at least one folder");
  return std::make_unique<Concatenation>(std::move(parts));
}

std::unique_ptr<Dataset> subset(std::shared_ptr<const Dataset> base, std::vector<size_t> indices) {
  return std::make_unique<Subset>(std::move(base), std::move(indices));
}

std::vector<std::string> splits_of(const Dataset& dataset) {
  std::set<std::string> present;
  for (const auto& sample : dataset.samples()) present.insert(sample.split);
  std::vector<std::string> ordered;
  for (const char* split : {"train", "val", "test"})
    if (present.erase(split)) ordered.emplace_back(split);
  const bool unsplit = present.erase("") > 0;
  ordered.insert(ordered.end(), present.begin(), present.end());
  if (unsplit) ordered.emplace_back();
  return ordered;
}

std::vector<size_t> indices_of_split(const Dataset& dataset, const std::string& split) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < dataset.samples().size(); ++i)
    if (dataset.samples()[i].split == split) indices.push_back(i);
  return indices;
}

std::vector<size_t> class_counts(const Dataset& dataset) {
  std::vector<size_t> counts(dataset.info().classes.size());
  for (const auto& sample : dataset.samples()) ++counts.at(static_cast<size_t>(sample.label));
  return counts;
}

ClassKind kind_of_label(const DatasetInfo& info, int label) {
  const std::string& name = info.classes.at(static_cast<size_t>(label));
  if (name == kUnlabelledClass) return ClassKind::unknown;
  return contains(info.attack_classes, name) ? ClassKind::attack : ClassKind::real;
}

void require_labels(const Dataset& dataset) {
  const DatasetInfo& info = dataset.info();
  const auto open = std::count_if(dataset.samples().begin(), dataset.samples().end(), [&](const SampleRef& sample) {
    return kind_of_label(info, sample.label) == ClassKind::unknown;
  });
  if (open == 0) return;
  constexpr size_t kShown = 8;
  std::vector<std::string> some = info.folders;
  if (some.size() > kShown) some.resize(kShown);
  std::string folders = join(some, ", ");
  if (info.folders.size() > kShown) folders += ", ... (" + std::to_string(info.folders.size()) + " folders)";
  throw Error(info.name + ": nothing says which of its " + std::to_string(open) +
                  " faces are real and which are attacks" + (folders.empty() ? "" : " (folders: " + folders + ")"),
              folders.empty() ? "put them below folders named by class (real/, fake/, ...)" : how_to_name_classes());
}

void require_stated_classes(std::span<const DatasetInfo* const> datasets, const ClassStatement& stated) {
  std::vector<std::string> classes;
  for (const auto* info : datasets)
    for (const auto& name : info->classes)
      if (!contains(classes, name)) classes.push_back(name);
  for (const auto* side : {&stated.real, &stated.attack}) {
    for (const auto& name : *side) {
      const std::string lower = to_lower(name);
      if (std::any_of(classes.begin(), classes.end(), [&](const std::string& c) { return to_lower(c) == lower; }))
        continue;
      const std::string near = nearest_name(name, classes);
      throw Error((side == &stated.real ? "--real" : "--attack-classes") + std::string(" names '") + name +
                      "', which is no class of the data",
                  near.empty() ? "it has " + join(classes, ", ") : "did you mean " + near + "?");
    }
  }
}

}  // namespace fsfm
