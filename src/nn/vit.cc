#include "nn/vit.h"

#include <cmath>

#include "base/error.h"
#include "nn/init.h"
#include "nn/ops.h"
#include "nn/recompute.h"

namespace fsfm {

PatchEmbedImpl::PatchEmbedImpl(int patch_size, int embed_dim) : patch_size(patch_size) {
  proj =
      register_module("proj", torch::nn::Conv2d(torch::nn::Conv2dOptions(3, embed_dim, patch_size).stride(patch_size)));
}

torch::Tensor PatchEmbedImpl::forward(const torch::Tensor& images, const torch::Tensor& keep) {
  const int64_t batch = images.size(0), p = patch_size, rows = images.size(2) / p, columns = images.size(3) / p;
  auto patches = images.view({batch, 3, rows, p, columns, p}).permute({0, 2, 4, 1, 3, 5});  // [B,h,w,3,p,p]
  if (keep.defined()) {
    const auto image = torch::arange(batch, keep.options()).unsqueeze(1);
    patches = patches.index({image, keep.div(columns, "floor"), keep.remainder(columns)});  // [B,V,3,p,p]
  }
  const auto flat = patches.reshape({batch, -1, 3 * p * p});
  return ops::linear(flat, proj->weight.view({proj->weight.size(0), -1}), proj->bias);
}

AttentionImpl::AttentionImpl(int dim, int heads) : heads(heads) {
  qkv = register_module("qkv", torch::nn::Linear(dim, 3 * dim));
  proj = register_module("proj", torch::nn::Linear(dim, dim));
}

MlpImpl::MlpImpl(int dim, int hidden) {
  fc1 = register_module("fc1", torch::nn::Linear(dim, hidden));
  fc2 = register_module("fc2", torch::nn::Linear(hidden, dim));
}

torch::nn::LayerNorm make_layer_norm(int dim, double eps) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim}).eps(eps));
}

BlockImpl::BlockImpl(int dim, int heads, double mlp_ratio, double drop_path, double norm_eps) : drop_path(drop_path) {
  norm1 = register_module("norm1", make_layer_norm(dim, norm_eps));
  attn = register_module("attn", Attention(dim, heads));
  norm2 = register_module("norm2", make_layer_norm(dim, norm_eps));
  mlp = register_module("mlp", Mlp(dim, static_cast<int>(std::lround(dim * mlp_ratio))));
}

torch::Tensor BlockImpl::drop(const torch::Tensor& branch) const {
  std::vector<int64_t> shape(branch.dim(), 1);
  shape[0] = branch.size(0);
  const double keep = 1.0 - drop_path;
  return branch * torch::empty(shape, branch.options()).bernoulli_(keep).div_(keep);
}

torch::Tensor BlockImpl::forward(torch::Tensor x, const torch::Tensor& rows) {
  if (!recompute) return compute(std::move(x), rows);
  return recomputed([self = shared_from_this(),
                     rows](const torch::Tensor& input) { return self->as<BlockImpl>()->compute(input, rows); },
                    x);
}

torch::Tensor BlockImpl::compute(torch::Tensor x, const torch::Tensor& rows) {
  auto mixed = ops::attention(ops::packed_qkv(ops::layer_norm(x, norm1), attn->qkv), attn->heads);  // [B,N,D]
  if (rows.defined()) {
    mixed = mixed.flatten(0, 1).index_select(0, rows);  // [R,D]
    x = x.flatten(0, 1).index_select(0, rows);
  }
  // Without stochastic depth the residual is added inside the product.
  if (drop_path <= 0.0 || !is_training()) {
    x = ops::linear(mixed, attn->proj, x);
    return ops::mlp(ops::layer_norm(x, norm2), mlp->fc1, mlp->fc2, x);
  }
  x = x + drop(ops::linear(mixed, attn->proj));
  return x + drop(ops::mlp(ops::layer_norm(x, norm2), mlp->fc1, mlp->fc2));
}

torch::Tensor BlockImpl::class_attention(const torch::Tensor& x) {
  const int64_t batch = x.size(0), tokens = x.size(1), heads = attn->heads, head_dim = x.size(2) / heads;
  const auto qkv = ops::linear(ops::layer_norm(x, norm1), attn->qkv)
                       .to(torch::kFloat)
                       .view({batch, tokens, 3, heads, head_dim})
                       .permute({2, 0, 3, 1, 4});  // [3,B,H,N,d]
  const auto query = qkv[0].slice(2, 0, 1) / std::sqrt(static_cast<double>(head_dim));
  return torch::softmax(torch::matmul(query, qkv[1].transpose(-2, -1)), -1).squeeze(2).slice(2, 1);
}

torch::nn::ModuleList make_blocks(int dim, int depth, int heads, double mlp_ratio, double drop_path, double norm_eps) {
  torch::nn::ModuleList blocks;
  for (int i = 0; i < depth; ++i) {
    blocks->push_back(Block(dim, heads, mlp_ratio, depth > 1 ? drop_path * i / (depth - 1) : 0.0, norm_eps));
  }
  return blocks;
}

void recompute_blocks(torch::nn::Module& network, bool on) {
  network.apply([on](torch::nn::Module& module) {
    if (auto* block = module.as<BlockImpl>()) block->recompute = on;
  });
}

VitImpl::VitImpl(const VitConfig& config) : VitImpl(config, config.embed_dim) {}

VitImpl::VitImpl(const VitConfig& config, int head_inputs) : config(config) {
  config.check();
  const int dim = config.embed_dim;
  cls_token_ = register_parameter("cls_token", torch::zeros({1, 1, dim}));
  pos_embed_ = register_parameter("pos_embed", torch::zeros({1, 1 + config.patches(), dim}));
  patch_embed_ = register_module("patch_embed", PatchEmbed(config.patch_size, dim));
  blocks_ = register_module("blocks", make_blocks(dim, config.depth, config.num_heads, config.mlp_ratio,
                                                  config.drop_path, config.layer_norm_eps));
  norm_ =
      register_module(config.global_pool == "token" ? "norm" : "fc_norm", make_layer_norm(dim, config.layer_norm_eps));
  init::timm_layers_(*this);
  init::trunc_normal_(cls_token_);
  init::trunc_normal_(pos_embed_);
  if (config.num_classes == 0) return;
  if (config.global_pool == "fas") {
    fas_head_ = register_module("head", FasHead(dim, config.num_classes));
  } else {
    head_ = register_module("head", torch::nn::Linear(head_inputs, config.num_classes));
    // Nearly zero, so that fine-tuning starts from the features and not from a random decision.
    init::trunc_normal_(head_->weight, 2e-5);
    torch::nn::init::zeros_(head_->bias);
  }
}

torch::Tensor VitImpl::embed(const torch::Tensor& images) {
  const auto x = patch_embed_(images);  // [B,L,D]
  return torch::cat({cls_token_.expand({x.size(0), -1, -1}), x.to(torch::kFloat)}, 1) + pos_embed_;
}

torch::Tensor VitImpl::forward_tokens(const torch::Tensor& images) {
  auto x = embed(images);
  for (const auto& block : *blocks_) x = block->as<Block>()->forward(x);
  return x;
}

torch::Tensor VitImpl::class_attention(const torch::Tensor& images) {
  auto x = embed(images);
  const size_t last = blocks_->size() - 1;
  for (size_t i = 0; i < last; ++i) x = blocks_[i]->as<Block>()->forward(x);
  return blocks_[last]->as<Block>()->class_attention(x);
}

torch::Tensor VitImpl::pool(const torch::Tensor& tokens) {
  const auto pooled = config.global_pool == "token" ? tokens.select(1, 0) : tokens.slice(1, 1).mean(1);
  return ops::layer_norm(pooled.to(torch::kFloat), norm_).to(torch::kFloat);
}

torch::Tensor VitImpl::forward_features(const torch::Tensor& images) { return pool(forward_tokens(images)); }

torch::Tensor VitImpl::forward(const torch::Tensor& images) {
  const auto tokens = forward_tokens(images);
  const auto features = pool(tokens);
  if (config.num_classes == 0) return features;
  if (fas_head_) return fas_head_(torch::cat({features.unsqueeze(1), tokens.slice(1, 1)}, 1));
  return ops::linear(features, head_).to(torch::kFloat);
}

}  // namespace fsfm
