// A detector small enough for every test: the 64-pixel transformer of the reference numbers with a full card.
#pragma once

#include <filesystem>
#include <functional>

#include "model/model_file.h"

namespace fsfm::test {

// Writes it and returns its path. Its verdicts mean nothing. `change` edits the card first.
std::filesystem::path write_tiny_detector(const std::filesystem::path& path,
                                          const std::function<void(ModelCard&)>& change = {});

}  // namespace fsfm::test
