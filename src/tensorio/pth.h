// Reads PyTorch checkpoints (`.pth`, `.pt`, `.bin`: the zip form that torch.save writes since 1.6) without running any
// of the code a pickle may ask for. Classes we do not know (argparse.Namespace, pathlib.PosixPath, ...) become inert
// data.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "tensorio/pickle.h"
#include "tensorio/tensor.h"

namespace fsfm {

// An opened checkpoint: the whole tree, tensors as views into the mapped file (copied when compressed, misaligned or
// strided). Copies share the bytes.
struct PthFile {
  std::shared_ptr<const Pickle> pickle;
  std::vector<std::shared_ptr<const void>> keep_alive;
  std::string name;  // for messages: the path

  const PickleValue& root() const { return *pickle->root; }
};

// Throws Error (file, what is wrong, way out): not a checkpoint, the old non-zip form, TorchScript, truncated, tensors
// that reach outside their storage, sizes that overflow.
PthFile read_pth(const std::filesystem::path& path);
// The same from memory, which must outlive the result.
PthFile parse_pth(std::span<const std::byte> bytes, const std::string& name_for_errors);

// The named weights: the tensors of the dict under "model", "state_dict", "model_state_dict", "net" or "module", or of
// the root itself; a "module." in front of every name (DataParallel) is dropped. Throws Error listing the root's keys
// when there are none. The views live as long as `file`.
TensorMap state_dict(const PthFile& file);

// Plain data as JSON (tensors and objects as short texts), for cards: depth and size limited.
nlohmann::json pickle_to_json(const PickleValue& value, int max_depth = 6);

}  // namespace fsfm
