// Weights between files and modules, by parameter name.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "tensorio/tensor.h"

namespace fsfm {

// Copy of a host tensor on the CPU, same type and shape.
torch::Tensor to_torch(const TensorView& view);
// A contiguous CPU tensor seen as host memory, which the tensor keeps owning. Throws Error for a type that no file
// holds.
TensorView host_view(const torch::Tensor& tensor);

struct LoadOptions {
  std::string source = {};                      // names the file in messages
  std::vector<std::string> may_miss = {};       // prefixes of module parameters that the file may lack (e.g. "head.")
  std::vector<std::string> may_be_unused = {};  // prefixes of file tensors that the module may lack (e.g. "decoder_")
  std::vector<std::string> skip_misshaped =
      {};                        // prefixes of parameters that keep their values when the file's shape differs
  bool allow_unused = false;     // any tensor of the file may be unused
  bool resize_positions = true;  // "*pos_embed" of another grid is resized to the module's
};

struct LoadReport {
  std::vector<std::string> loaded, missing, unused, resized;
};

// Copies every tensor of `tensors` into the parameter or buffer of the same name (converted to its type). Throws Error
// that lists the names when one is missing, unexpected or misshaped beyond what `options` allow; then the module is
// unchanged.
LoadReport load_weights(torch::nn::Module& module, const TensorMap& tensors, const LoadOptions& options);

// A module's parameters and buffers as host memory; the views stay valid while the object lives.
// Thread-compatible; shares the module's storage, so a step taken meanwhile shows.
class ModuleTensors {
 public:
  explicit ModuleTensors(const torch::nn::Module& module);
  const TensorMap& map() const { return map_; }

 private:
  std::vector<torch::Tensor> keep_alive_;
  TensorMap map_;
};

}  // namespace fsfm
