#include "cli/default_model.h"

#include "base/error.h"
#include "model/models_dir.h"

namespace fsfm::cli {

std::filesystem::path model_or_default(const std::filesystem::path& named) {
  if (!named.empty()) return named;
  // Folder by folder: what the user's own folder holds goes before what comes with the program, under either name.
  std::error_code error;
  for (const auto& folder : models_dirs())
    for (const char* name : {"fsfm-detector.safetensors", "detector.safetensors"})
      if (auto file = folder / name; std::filesystem::is_regular_file(file, error)) return file;
  throw Error("no --model is named and no fsfm-detector.safetensors comes with this program",
              "make a detector with fsfm finetune, or turn a checkpoint into one with fsfm convert, and name it with "
              "--model; or set FSFM_MODELS_DIR to the folder that holds one");
}

}  // namespace fsfm::cli
