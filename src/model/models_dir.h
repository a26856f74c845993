// Where the files that come with the program (network weights) are looked for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fsfm {

// Folders searched, in order: $FSFM_MODELS_DIR, models/ beside the program, ../share/fsfm/models of an installation of
// the program or of the shared library, then models/ and third_party/assets/ of the source tree this build came from.
// Folders that do not exist are left out.
std::vector<std::filesystem::path> models_dirs();

// First file called `name` in those folders, or an empty path.
std::filesystem::path find_model(const std::string& name);

// The detector used where none is named: fsfm-detector.safetensors or detector.safetensors in the first folder that has
// one; an empty path when none does.
std::filesystem::path find_default_detector();

// Like find_model, but throws Error that names the file, the folders searched and the way out.
std::filesystem::path require_model(const std::string& name);

}  // namespace fsfm
