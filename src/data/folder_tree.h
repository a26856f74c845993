// Plain folders of ready face crops as a Dataset: split and class are folder names.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace fsfm {

// See open_dataset for the trees it knows. Throws Error when `dir` is missing or holds no picture.
std::unique_ptr<Dataset> open_folder_tree(const std::filesystem::path& dir);

// The name a dataset goes by: the folder's, or its parent's when the folder is a split.
std::string dataset_name(const std::filesystem::path& dir);

// A palette PNG of face classes, of any size, -> [kParsingSide * kParsingSide]. Throws Error naming
// `name_for_errors` for a class above 10.
std::vector<uint8_t> decode_parsing_png(std::span<const std::byte> png, const std::string& name_for_errors);

}  // namespace fsfm
