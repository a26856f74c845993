#include "cli/default_model.h"

#include "base/error.h"
#include "model/models_dir.h"

namespace fsfm::cli {

std::filesystem::path model_or_default(const std::filesystem::path& named) {
  if (!named.empty()) return named;
  if (auto file = find_default_detector(); !file.empty()) return file;
  throw Error("no --model is named and no fsfm-detector.safetensors comes with this program",
              "make a detector with fsfm finetune, or turn a checkpoint into one with fsfm convert, and name it with "
              "--model; or set FSFM_MODELS_DIR to the folder that holds one");
}

}  // namespace fsfm::cli
