#include "data/store/open_dataset.h"

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/store/authors_folder.h"
#include "data/store/folder_tree.h"
#include "data/store/shard_dataset.h"

namespace fsfm {
namespace {

std::unique_ptr<Dataset> open_whole(const fs::path& dir, const ClassStatement& stated) {
  const fs::path manifest_file = dir / "manifest.json";
  std::error_code code;
  if (!fs::exists(manifest_file, code))
    return is_authors_folder(dir) ? open_authors_folder(dir, std::nullopt, stated)
                                  : open_folder_tree(dir, std::nullopt, stated);
  const Manifest manifest = Manifest::read(manifest_file);
  if (manifest.form == "shards") return open_shards(dir, manifest);
  if (manifest.form == "folders")
    return is_authors_folder(dir) ? open_authors_folder(dir, manifest) : open_folder_tree(dir, manifest);
  throw Error(manifest_file.string() + ": unknown form '" + manifest.form + "'", "update fsfm");
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& dir, const std::string& split,
                                      const ClassStatement& stated) {
  std::unique_ptr<Dataset> dataset = restate(open_whole(dir, stated), stated);
  if (split.empty()) return dataset;
  const std::string wanted = canonical_split(split).value_or(split);
  std::vector<size_t> indices = indices_of_split(*dataset, wanted);
  if (indices.empty()) {
    std::vector<std::string> known = splits_of(*dataset);
    std::erase(known, "");
    throw Error(dir.string() + " has no pictures of split '" + split + "'",
                known.empty() ? "it has no split folders: put its classes below train/, val/ and test/"
                              : "it has " + join(known, ", "));
  }
  return subset(std::move(dataset), std::move(indices));
}

}  // namespace fsfm
