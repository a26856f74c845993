#include "cli/sources.h"

#include <algorithm>
#include <map>
#include <span>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "data/store/open_dataset.h"

namespace fsfm::cli {

Source open_source(const std::filesystem::path& dir, const std::string& asked, const std::string& preferred,
                   const ClassStatement& stated) {
  auto dataset = open_dataset(dir, asked, stated);
  warn_of_notes(dir, dataset->info());
  std::string split = asked;
  if (asked.empty()) {
    const auto splits = splits_of(*dataset);
    auto indices = indices_of_split(*dataset, preferred);
    if (splits.size() == 1) {
      split = splits[0];
    } else if (!indices.empty()) {
      split = preferred;
      dataset = subset(std::move(dataset), std::move(indices));
    }
  }
  std::string name = dataset->info().name + (split.empty() ? "" : "/" + split);
  return {std::move(dataset), std::move(name)};
}

void warn_of_notes(const std::filesystem::path& dir, const DatasetInfo& info) {
  if (!info.left_out.empty())
    log::warn("note: {}: {} files lie among the pictures and are left out", dir.string(), info.left_out);
  for (const auto& note : info.notes) log::warn("{}: {}; {}", dir.string(), note.text, note.advice);
}

std::vector<Source> open_sources(const std::vector<std::filesystem::path>& dirs, const std::string& asked,
                                 const std::string& preferred, const ClassStatement& stated) {
  std::vector<Source> sources;
  std::map<std::string, int> seen;
  std::map<std::filesystem::path, std::filesystem::path> places;
  for (const auto& dir : dirs) {
    sources.push_back(open_source(dir, asked, preferred, stated));
    if (const auto [at, added] = places.emplace(std::filesystem::weakly_canonical(dir), dir); !added)
      log::warn("{} is the same folder as {}", dir.string(), at->second.string());
    if (const int nth = ++seen[sources.back().name]; nth > 1) sources.back().name += "#" + std::to_string(nth);
  }
  return sources;
}

void warn_unreadable(const ScoredDataset& scored) {
  constexpr size_t kNamed = 5;
  if (scored.unreadable.empty()) return;
  const size_t shown = std::min(kNamed, scored.unreadable.size());
  std::string names = join(std::span(scored.unreadable).first(shown), "; ");
  if (shown < scored.unreadable.size()) names += "; and " + std::to_string(scored.unreadable.size() - shown) + " more";
  log::warn("{}: {} pictures could not be read and are left out: {}", scored.name, scored.unreadable.size(), names);
}

void require_stated_classes(const std::vector<Source>& sources, const ClassStatement& stated) {
  std::vector<const DatasetInfo*> infos;
  for (const auto& source : sources) infos.push_back(&source.dataset->info());
  fsfm::require_stated_classes(infos, stated);
}

std::unique_ptr<Dataset> open_only_source(const std::filesystem::path& dir, const std::string& split,
                                          const ClassStatement& stated) {
  auto dataset = open_dataset(dir, split, stated);
  const DatasetInfo* info = &dataset->info();
  fsfm::require_stated_classes({&info, 1}, stated);
  return dataset;
}

std::string classes_text(const DatasetInfo& info) {
  std::vector<std::string> known = info.classes;
  const bool open = std::erase(known, kUnlabelledClass) > 0;
  if (!open) return describe_classes(known, info.attack_classes);
  return known.empty() ? "unlabelled" : describe_classes(known, info.attack_classes) + "; others unlabelled";
}

void make_out_folder(const std::filesystem::path& out) { make_folders(out); }

}  // namespace fsfm::cli
