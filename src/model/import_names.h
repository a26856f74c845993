// Which tensors of a stranger's file are the network, and what they are called here. Looks at names and shapes only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tensorio/tensor.h"

namespace fsfm {

enum class Dialect { timm, huggingface, torchvision };  // timm: also DeiT, DINO, MAE, MoCo v3 and the authors of FSFM

// One vision transformer in a file: "model_ema", "teacher.backbone"; "." where its names have nothing in front.
struct NetworkInside {
  std::string key;
  size_t tensors = 0;
};
std::vector<NetworkInside> networks_inside(const TensorMap& file);
// Whether the names are those of transformers, or of no network that is known: then its config.json is worth a look.
bool may_be_of_huggingface(const TensorMap& file);

struct NetworkNames {
  Dialect dialect = Dialect::timm;
  // Our name -> the file's. Ours are timm's; queries, keys and values that the file keeps apart are attn.q, attn.k and
  // attn.v, layer scales ls1.gamma and ls2.gamma.
  std::map<std::string, std::string> names;
  std::vector<std::string> notes;  // one sentence each: what was taken off, chosen, left out
};

// `key` chooses among several networks ("" when there is one). `with_head`: the classifier is wanted, so that a head
// that is not linear is an Error; else it is left out. Throws Error (`source`, a tensor, why) for several networks
// without a key, for none, and for tensors that change the features or are not known at all.
NetworkNames choose_network(const TensorMap& file, const std::string& source, const std::string& key, bool with_head);

}  // namespace fsfm
