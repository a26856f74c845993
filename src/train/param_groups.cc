#include "train/param_groups.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace fsfm {
namespace {

// Appends to the group with these two numbers, making it when it is the first of its kind.
void append(std::vector<ParamGroup>& groups, double lr_scale, double weight_decay, const std::string& name,
            const torch::Tensor& param) {
  auto group = std::find_if(groups.begin(), groups.end(), [&](const ParamGroup& g) {
    return g.lr_scale == lr_scale && g.weight_decay == weight_decay;
  });
  if (group == groups.end()) group = groups.insert(groups.end(), ParamGroup{lr_scale, weight_decay, {}, {}});
  group->names.push_back(name);
  group->params.push_back(param);
}

bool is_one_dimensional(const std::string& name, const torch::Tensor& param) {
  return param.dim() <= 1 || name.ends_with(".bias");
}

}  // namespace

std::vector<ParamGroup> decay_groups(const torch::nn::Module& module, double weight_decay) {
  std::vector<ParamGroup> groups;
  for (const auto& item : module.named_parameters()) {
    if (!item.value().requires_grad()) continue;
    append(groups, 1.0, is_one_dimensional(item.key(), item.value()) ? 0.0 : weight_decay, item.key(), item.value());
  }
  return groups;
}

int layer_of(const std::string& name, int depth) {
  if (name == "cls_token" || name == "pos_embed" || name.starts_with("patch_embed.")) return 0;
  constexpr std::string_view kBlocks = "blocks.";
  if (!name.starts_with(kBlocks)) return depth + 1;
  int block = -1;
  const char* begin = name.data() + kBlocks.size();
  const auto [end, code] = std::from_chars(begin, name.data() + name.size(), block);
  if (code != std::errc() || block < 0 || block >= depth || *end != '.')
    throw InternalError("parameter " + name + " names no block of a network of depth " + std::to_string(depth));
  return block + 1;
}

std::vector<ParamGroup> layer_decay_groups(const torch::nn::Module& module, int depth, double weight_decay,
                                           double layer_decay) {
  std::vector<ParamGroup> groups;
  for (const auto& item : module.named_parameters()) {
    const std::string& name = item.key();
    if (!item.value().requires_grad()) continue;
    const bool decays = !is_one_dimensional(name, item.value()) && name != "cls_token" && name != "pos_embed";
    append(groups, std::pow(layer_decay, depth + 1 - layer_of(name, depth)), decays ? weight_decay : 0.0, name,
           item.value());
  }
  return groups;
}

}  // namespace fsfm
