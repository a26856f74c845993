#include "model/models_dir.h"

#include <dlfcn.h>

#include <algorithm>
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
  // In another's program this code lies in PREFIX/lib or PREFIX/lib/ARCHITECTURE.
  if (Dl_info self{}; ::dladdr(reinterpret_cast<const void*>(&find_model), &self) != 0 && self.dli_fname) {
    const fs::path folder = fs::canonical(self.dli_fname, error).parent_path();  // /lib is often a link to /usr/lib
    candidates.push_back(folder.parent_path() / "share/fsfm/models");
    candidates.push_back(folder.parent_path().parent_path() / "share/fsfm/models");
  }
  candidates.emplace_back(FSFM_SOURCE_MODELS_DIR);
  candidates.push_back(fs::path(FSFM_SOURCE_MODELS_DIR).parent_path() / "third_party/assets");
  std::vector<fs::path> folders;
  for (const fs::path& candidate : candidates)
    if (fs::is_directory(candidate, error) && std::find(folders.begin(), folders.end(), candidate) == folders.end())
      folders.push_back(candidate);
  return folders;
}

fs::path find_model(const std::string& name) {
  std::error_code error;
  for (const fs::path& dir : models_dirs())
    if (const fs::path file = dir / name; fs::is_regular_file(file, error)) return file;
  return {};
}

fs::path find_default_detector() {
  // Folder by folder: what the user's own folder holds goes before what comes with the program, under either name.
  std::error_code error;
  for (const auto& folder : models_dirs())
    for (const char* name : {"fsfm-detector.safetensors", "detector.safetensors"})
      if (fs::path file = folder / name; fs::is_regular_file(file, error)) return file;
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
