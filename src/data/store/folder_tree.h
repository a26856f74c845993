// Plain folders of ready face crops as a Dataset: split and class are folder names.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "data/store/manifest.h"

namespace fsfm {

// Classes and splits as data/label_tree.h reads them. A manifest lends its name, mean and deviation, and says which
// folders are classes and which of them are attacks. Throws Error when `dir` is missing or holds no picture.
std::unique_ptr<Dataset> open_folder_tree(const std::filesystem::path& dir,
                                          const std::optional<Manifest>& manifest = std::nullopt,
                                          const ClassStatement& stated = {});

// The name a dataset goes by: the folder's, or its parent's when the folder is a split.
std::string dataset_name(const std::filesystem::path& dir);

}  // namespace fsfm
