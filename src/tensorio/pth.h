// Reads PyTorch checkpoints (`.pth`, `.pt`, `.bin`: the zip form that torch.save writes since 1.6) without running any
// of the code a pickle may ask for. Classes we do not know (argparse.Namespace, pathlib.PosixPath, ...) become inert
// data.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "tensorio/pickle.h"
#include "tensorio/tensor.h"

namespace fsfm {

class PthStorages;  // the archive and what has been read of it

// An opened checkpoint: the whole tree. Tensors show type and shape; load() brings their bytes. Copies share
// everything. Thread-compatible.
struct PthFile {
  std::shared_ptr<const Pickle> pickle;
  std::shared_ptr<PthStorages> storages;
  std::string name;  // for messages: the path

  const PickleValue& root() const { return *pickle->root; }
  // A tensor of the tree with its bytes: a view into the mapped file, or a copy when it is compressed, misaligned or
  // strided. Lives as long as `storages`. Throws Error (file, what is wrong, way out): cut short, a wrong checksum,
  // more bytes than such a file can honestly hold.
  TensorView load(const PickleValue& tensor) const;
  // Whether load() must inflate: what a list of contents does not do.
  bool compressed(const PickleValue& tensor) const;
};

// Throws Error (file, what is wrong, way out): not a checkpoint, the old non-zip form, TorchScript, truncated, tensors
// that reach outside their storage, sizes that overflow.
PthFile read_pth(const std::filesystem::path& path);
// The same from memory, which must outlive the result.
PthFile parse_pth(std::span<const std::byte> bytes, const std::string& name_for_errors);

// Every tensor in the dicts of the tree under its dotted path: "model.blocks.0.norm1.weight",
// "optimizer.state.3.exp_avg". Depth and number are limited.
std::map<std::string, const PickleValue*> named_tensors(const PthFile& file);

// The named weights: the tensors of the dict under "model", "state_dict", "model_state_dict", "net" or "module", or of
// the root itself; a "module." in front of every name (DataParallel) is dropped. Throws Error listing the root's keys
// when there are none. The views live as long as `file`.
TensorMap state_dict(const PthFile& file);

// Plain data as JSON (tensors and objects as short texts), for cards: depth and size limited.
nlohmann::json pickle_to_json(const PickleValue& value, int max_depth = 6);

}  // namespace fsfm
