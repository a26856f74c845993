// The plain vision transformer of timm 0.4, in libtorch, with timm's parameter names.
#pragma once

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/vit_config.h"
#include "nn/fas_head.h"

namespace fsfm {

// Fixed 2-D sin-cos table [1, 1 + grid*grid, dim], row 0 (class token) zero; as MAE builds it. dim must be a multiple
// of 4.
torch::Tensor sincos_positions(int dim, int grid);
// Position table of one square grid resized to another (bicubic, align_corners false), class-token row kept.
torch::Tensor resize_positions(const torch::Tensor& table, int new_grid);

// Threads and ownership, for every module of nn/: thread-compatible (forward reads parameters, but gradients and
// buffers are the module's own, so one thread trains a module); a module owns its parameters, what it returns belongs
// to the caller. Cuts pictures into patches and projects each: `proj` is the convolution of timm, applied as the Linear
// it is.
struct PatchEmbedImpl : torch::nn::Module {
  PatchEmbedImpl(int patch_size, int embed_dim);
  // images [B,3,S,S] -> [B,L,D]; with `keep` [B,V] int64 (patch indices) only those patches are read: [B,V,D].
  torch::Tensor forward(const torch::Tensor& images, const torch::Tensor& keep = {});
  torch::nn::Conv2d proj{nullptr};
  int patch_size;
};
TORCH_MODULE(PatchEmbed);

struct AttentionImpl : torch::nn::Module {
  AttentionImpl(int dim, int heads);
  torch::nn::Linear qkv{nullptr}, proj{nullptr};
  int heads;
};
TORCH_MODULE(Attention);

struct MlpImpl : torch::nn::Module {
  MlpImpl(int dim, int hidden);
  torch::nn::Linear fc1{nullptr}, fc2{nullptr};
};
TORCH_MODULE(Mlp);

// Pre-norm block: x += proj(attention(norm1 x)); x += mlp(norm2 x). Parameter names: norm1, attn.qkv, attn.proj, norm2,
// mlp.fc1, mlp.fc2.
struct BlockImpl : torch::nn::Module {
  BlockImpl(int dim, int heads, double mlp_ratio, double drop_path = 0.0, double norm_eps = 1e-6);
  // x [B,N,D] -> [B,N,D]; with `rows` [R] int64 (indices into the B*N tokens) only these rows are finished: [R,D]. Keys
  // and values are still those of all tokens, so this equals indexing the full result, for less work.
  torch::Tensor forward(torch::Tensor x, const torch::Tensor& rows = {});
  // Where the class token looks: the block's input x [B,N,D] -> its attention to the other tokens, [B,heads,N-1]. A row
  // sums to 1 less what the token pays to itself.
  torch::Tensor class_attention(const torch::Tensor& x);

  torch::nn::LayerNorm norm1{nullptr};
  Attention attn{nullptr};
  torch::nn::LayerNorm norm2{nullptr};
  Mlp mlp{nullptr};
  double drop_path;
  bool recompute = false;  // keep only the input for the way back (nn/recompute.h)

 private:
  torch::Tensor compute(torch::Tensor x, const torch::Tensor& rows);
  torch::Tensor drop(const torch::Tensor& branch) const;  // stochastic depth: whole samples of the branch are left out
};
TORCH_MODULE(Block);

// `depth` blocks with timm's stochastic-depth rule.
torch::nn::ModuleList make_blocks(int dim, int depth, int heads, double mlp_ratio, double drop_path = 0.0,
                                  double norm_eps = 1e-6);
torch::nn::LayerNorm make_layer_norm(int dim, double eps = 1e-6);
// Gradient checkpointing of every block in `network`, on or off: the same gradients for a third more time and much less
// memory.
void recompute_blocks(torch::nn::Module& network, bool on);

// Downstream network: features and logits. Names follow timm: cls_token, pos_embed, patch_embed.proj, blocks.i, norm or
// fc_norm, head; for global_pool "fas" the head is `head.bottleneck` and `head.classifier` (see nn/fas_head.h).
struct VitImpl : torch::nn::Module {
  explicit VitImpl(const VitConfig& config);
  torch::Tensor forward_tokens(const torch::Tensor& images);  // [B,3,S,S] -> [B,1+L,D] after the blocks (no final norm)
  torch::Tensor forward_features(const torch::Tensor& images);  // -> [B,D] pooled and normalised
  torch::Tensor forward(const torch::Tensor& images);           // -> [B,num_classes]
  torch::Tensor class_attention(const torch::Tensor& images);   // of the last block: [B,heads,L]
  VitConfig config;

 protected:
  // head_inputs: width that the linear head reads (the FS-Adapter doubles it).
  VitImpl(const VitConfig& config, int head_inputs);
  torch::Tensor embed(const torch::Tensor& images);  // -> [B,1+L,D], what the first block reads
  torch::Tensor pool(const torch::Tensor& tokens);   // [B,1+L,D] -> [B,D]

  torch::Tensor cls_token_, pos_embed_;
  PatchEmbed patch_embed_{nullptr};
  torch::nn::ModuleList blocks_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};  // "norm" or "fc_norm"
  torch::nn::Linear head_{nullptr};
  FasHead fas_head_{nullptr};
};
TORCH_MODULE(Vit);

}  // namespace fsfm
