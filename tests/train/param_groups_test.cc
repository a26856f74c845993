#include "train/param_groups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "support/paths.h"

namespace fsfm {
namespace {

// A module whose parameters have the given dotted names (dots are legal only between modules, so it nests).
struct Named : torch::nn::Module {
  void add(const std::string& name, torch::Tensor value, bool learns = true) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos) {
      register_parameter(name, std::move(value), learns);
      return;
    }
    const std::string head = name.substr(0, dot);
    if (!children_.count(head)) children_[head] = register_module(head, std::make_shared<Named>());
    children_[head]->add(name.substr(dot + 1), std::move(value), learns);
  }
  std::map<std::string, std::shared_ptr<Named>> children_;
};

torch::Tensor shaped_like(const std::string& name) {
  const bool flat = name.ends_with("bias") || name.find("norm") != std::string::npos ||
                    name.find("projection_head.1.") != std::string::npos;
  return flat ? torch::zeros({4}) : torch::zeros({4, 4});
}

TEST(ParamGroups, LayerDecayEqualsTheReference) {
  const auto reference = nlohmann::json::parse(read_file(test::golden("layer-decay.json")));
  Named net;
  for (const auto& [name, value] : reference.items()) net.add(name, shaped_like(name));
  size_t seen = 0;
  for (const auto& group : layer_decay_groups(net, 3, 0.05, 0.65)) {
    for (const auto& name : group.names) {
      EXPECT_NEAR(group.lr_scale, reference[name]["lr_scale"].get<double>(), 1e-9) << name;
      EXPECT_NEAR(group.weight_decay, reference[name]["weight_decay"].get<double>(), 1e-9) << name;
      ++seen;
    }
  }
  EXPECT_EQ(seen, reference.size());
}

TEST(ParamGroups, PretrainingDecaysMatricesOnlyAndLeavesFrozenOut) {
  const auto reference = nlohmann::json::parse(read_file(test::golden("tiny-param-groups.json")));
  Named net;
  for (const std::string name : reference["no_decay"]) net.add(name, shaped_like(name));
  for (const std::string name : reference["frozen"]) net.add(name, torch::zeros({1, 17, 4}), false);
  for (const std::string name : {"cls_token", "mask_token"}) net.add(name, torch::zeros({1, 1, 4}));
  net.add("blocks.0.attn.qkv.weight", torch::zeros({12, 4}));
  const auto groups = decay_groups(net, 0.05);
  ASSERT_EQ(groups.size(), 2u);
  for (const auto& group : groups) {
    std::vector<std::string> names = group.names, expected = {"cls_token", "mask_token", "blocks.0.attn.qkv.weight"};
    if (group.weight_decay == 0.0)
      expected = reference["no_decay"].get<std::vector<std::string>>();
    else
      EXPECT_EQ(group.weight_decay, 0.05);
    std::sort(names.begin(), names.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(names, expected);
  }
}

TEST(ParamGroups, LayersOfATimmVit) {
  EXPECT_EQ(layer_of("patch_embed.proj.weight", 12), 0);
  EXPECT_EQ(layer_of("blocks.11.mlp.fc2.bias", 12), 12);
  EXPECT_EQ(layer_of("fc_norm.weight", 12), 13);
  EXPECT_THROW(layer_of("blocks.12.norm1.weight", 12), std::logic_error);
}

}  // namespace
}  // namespace fsfm
