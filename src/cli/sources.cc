#include "cli/sources.h"

#include <map>

#include "base/file.h"

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

void make_out_folder(const std::filesystem::path& out) { make_folders(out); }

}  // namespace fsfm::cli
