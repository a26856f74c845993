// A detector small enough for every test: the 64-pixel transformer of the reference numbers with a full card.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "model/model_file.h"
#include "tensorio/safetensors.h"

namespace fsfm::test {

// Those tensors of a file of reference numbers whose names begin with `prefix`, without it. They view the file.
TensorMap with_prefix(const TensorFile& file, const std::string& prefix);

// Writes it and returns its path. Its verdicts mean nothing. `change` edits the card first.
std::filesystem::path write_tiny_detector(const std::filesystem::path& path,
                                          const std::function<void(ModelCard&)>& change = {});

}  // namespace fsfm::test
