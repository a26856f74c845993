#include "model/models_dir.h"

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fsfm {

std::vector<fs::path> models_dirs() {
  std::vector<fs::path> candidates;
  if (const char* dir = std::getenv("FSFM_MODELS_DIR"); dir && *dir) candidates.emplace_back(dir);
  std::error_code error;
  if (const fs::path program = fs::read_symlink("/proc/self/exe", error); !error) {
    candidates.push_back(program.parent_path() / "models");
    const fs::path prefix = program.parent_path().parent_path();  // of bin/fsfm; one more up of libexec/fsfm/fsfm-learn
    candidates.push_back(prefix / "share/fsfm/models");
    candidates.push_back(prefix.parent_path() / "share/fsfm/models");
  }
  candidates.emplace_back(FSFM_SOURCE_MODELS_DIR);
  candidates.push_back(fs::path(FSFM_SOURCE_MODELS_DIR).parent_path() / "third_party/assets");
  std::erase_if(candidates, [&](const fs::path& dir) { return !fs::is_directory(dir, error); });
  return candidates;
}

fs::path find_model(const std::string& name) {
  std::error_code error;
  for (const fs::path& dir : models_dirs())
    if (const fs::path file = dir / name; fs::is_regular_file(file, error)) return file;
  return {};
}

fs::path require_model(const std::string& name) {
  if (fs::path file = find_model(name); !file.empty()) return file;
  std::vector<std::string> dirs;
  for (const fs::path& dir : models_dirs()) dirs.push_back(dir.string());
  throw Error(ErrorCode::not_found, name + ": not found" + (dirs.empty() ? "" : " in " + join(dirs, ", ")),
              "set FSFM_MODELS_DIR to the folder that holds it");
}

}  // namespace fsfm
