#include "cli/sources.h"

#include <algorithm>
#include <map>
#include <span>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace fsfm::cli {

Source open_source(const std::filesystem::path& dir, const std::string& asked, const std::string& preferred) {
  auto dataset = open_dataset(dir, asked);
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

std::vector<Source> open_sources(const std::vector<std::filesystem::path>& dirs, const std::string& asked,
                                 const std::string& preferred) {
  std::vector<Source> sources;
  std::map<std::string, int> seen;
  for (const auto& dir : dirs) {
    sources.push_back(open_source(dir, asked, preferred));
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

void make_out_folder(const std::filesystem::path& out) {
  std::error_code error;
  std::filesystem::create_directories(out, error);
  if (error) throw Error(out.string() + ": cannot make this folder (" + error.message() + ")", "choose another --out");
}

}  // namespace fsfm::cli
