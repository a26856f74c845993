// The detector of the commands that judge faces when the user names none.
#pragma once

#include <filesystem>

namespace fsfm::cli {

// `named`, or the detector that comes with the program (model/models_dir.h). Throws Error saying how to get one when
// there is neither.
std::filesystem::path model_or_default(const std::filesystem::path& named);

}  // namespace fsfm::cli
