#include "engine/vit_trunk.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/attention.h"
#include "kernels/rows.h"

namespace fsfm {

struct VitBlocks::Block {
  LayerNorm norm1, norm2;
  PackedLinear qkv, proj;
  PackedMlp mlp;

  Block(OneDnn& onednn, const TensorMap& tensors, const Sizes& s, const std::string& name, int rows,
        EnginePrecision precision)
      : norm1(tensors, name + "norm1"), norm2(tensors, name + "norm2") {
    const auto layer = [&](const std::string& part, int inputs, int outputs, Post post) {
      return make_linear(onednn, tensors, name + part, inputs, outputs, post, rows, precision);
    };
    qkv = layer("attn.qkv", s.width, 3 * s.width, Post::none);
    proj = layer("attn.proj", s.width, s.width, Post::add);
    mlp = PackedMlp(layer("mlp.fc1", s.width, s.hidden, Post::gelu), layer("mlp.fc2", s.hidden, s.width, Post::add));
  }
  Block(OneDnn& onednn, const Block& other)
      : norm1(other.norm1),
        norm2(other.norm2),
        qkv(other.qkv.for_thread_of(onednn)),
        proj(other.proj.for_thread_of(onednn)),
        mlp(other.mlp.for_thread_of(onednn)) {}
};

VitBlocks::VitBlocks(OneDnn& onednn, const VitBlocks& other)
    : sizes_(other.sizes_), bf16_attention_(other.bf16_attention_) {
  for (const Block& block : other.blocks_) blocks_.emplace_back(onednn, block);
}
VitBlocks::VitBlocks(OneDnn& onednn, const TensorMap& tensors, const std::string& prefix, const Sizes& sizes,
                     int rows_hint, EnginePrecision precision)
    : sizes_(sizes),
      bf16_attention_(precision != EnginePrecision::fp32 && kernels::has_bf16_attention(sizes.width / sizes.heads)) {
  for (int i = 0; i < sizes.depth; ++i)
    blocks_.emplace_back(onednn, tensors, sizes, prefix + std::to_string(i) + ".", rows_hint, precision);
}
VitBlocks::~VitBlocks() = default;
VitBlocks::VitBlocks(VitBlocks&&) noexcept = default;

void VitBlocks::attend(const float* qkv, float* out, int images, int tokens) {
  const int d = sizes_.width, heads = sizes_.heads, head_dim = d / heads;
  const size_t each = (kernels::attention_scratch(tokens, head_dim) + 15) / 16 * 16;
  float* memory = scratch_.get(each * omp_get_max_threads());
  const auto attention = bf16_attention_ ? kernels::attention_bf16 : kernels::attention;
#pragma omp parallel for
  for (int task = 0; task < images * heads; ++task) {
    const size_t image = task / heads, first = static_cast<size_t>(task % heads) * head_dim;
    attention(qkv + image * tokens * 3 * d + first, out + image * tokens * d + first, tokens, d, head_dim,
              memory + each * omp_get_thread_num());
  }
}

// weights: [heads, tokens, tokens].
void VitBlocks::look(const float* qkv, int tokens, float* weights) const {
  const int d = sizes_.width, head_dim = d / sizes_.heads;
  const ptrdiff_t row_width = 3 * static_cast<ptrdiff_t>(d);
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim)));
#pragma omp parallel for
  for (int row = 0; row < sizes_.heads * tokens; ++row) {
    const float* query = qkv + (row % tokens) * row_width + static_cast<size_t>(row / tokens) * head_dim;
    const float* key = qkv + d + static_cast<size_t>(row / tokens) * head_dim;
    float* out = weights + static_cast<size_t>(row) * tokens;
    for (int t = 0; t < tokens; ++t, key += row_width)
      out[t] = scale * std::inner_product(query, query + head_dim, key, 0.0f);
    const float highest = *std::max_element(out, out + tokens);
    float sum = 0;
    for (int t = 0; t < tokens; ++t) sum += out[t] = std::exp(out[t] - highest);
    for (int t = 0; t < tokens; ++t) out[t] /= sum;
  }
}

void VitBlocks::run(float* x, int images, int tokens, float* weights) {
  const int d = sizes_.width, rows = images * tokens;
  float* attended = attended_.get(static_cast<size_t>(rows) * d);
  float* qkv = qkv_.get(static_cast<size_t>(rows) * 3 * d);
  for (Block& block : blocks_) {
    const RowNorm norm1 = block.norm1.rows(sizes_.layer_norm_eps), norm2 = block.norm2.rows(sizes_.layer_norm_eps);
    block.qkv.run(rows, x, qkv, &norm1);
    if (weights) {
      look(qkv, tokens, weights);
      weights += static_cast<size_t>(sizes_.heads) * tokens * tokens;
    }
    attend(qkv, attended, images, tokens);
    block.proj.run(rows, attended, x);
    block.mlp.run(rows, x, norm2);
  }
}

void VitBlocks::run(float* x, int images, int tokens) { run(x, images, tokens, nullptr); }

std::vector<float> VitBlocks::attention(float* x, int tokens) {
  std::vector<float> weights(static_cast<size_t>(sizes_.depth) * sizes_.heads * tokens * tokens);
  run(x, 1, tokens, weights.data());
  return weights;
}

VitTrunk::VitTrunk(OneDnn& onednn, const TensorMap& tensors, const VitConfig& layout, EnginePrecision precision)
    : layout_(layout),
      cls_token_(tensors.at("cls_token").to_float()),
      positions_(tensors.at("pos_embed").to_float()),
      all_(static_cast<size_t>(layout.patches())),
      patch_embed_(make_linear(onednn, tensors, "patch_embed.proj", 3 * layout.patch_size * layout.patch_size,
                               layout.embed_dim, Post::none, layout.patches(), EnginePrecision::fp32)),
      blocks_(onednn, tensors, "blocks.",
              {layout.embed_dim, layout.mlp_hidden(), layout.depth, layout.num_heads, layout.layer_norm_eps},
              layout.tokens(), precision) {
  std::iota(all_.begin(), all_.end(), 0);
}

VitTrunk::VitTrunk(OneDnn& onednn, const VitTrunk& other)
    : layout_(other.layout_),
      cls_token_(other.cls_token_),
      positions_(other.positions_),
      all_(other.all_),
      patch_embed_(other.patch_embed_.for_thread_of(onednn)),
      blocks_(onednn, other.blocks_) {}

float* VitTrunk::run(const float* images, int n, std::span<const int> visible) {
  if (visible.empty()) visible = all_;
  float* tokens = embed(images, n, visible);
  blocks_.run(tokens, n, 1 + static_cast<int>(visible.size()));
  return tokens;
}

std::vector<float> VitTrunk::attention(const float* image) {
  return blocks_.attention(embed(image, 1, all_), layout_.tokens());
}

float* VitTrunk::embed(const float* images, int n, std::span<const int> visible) {
  const int d = layout_.embed_dim, patch = layout_.patch_size, side = layout_.img_size, grid = side / patch;
  const int patches = static_cast<int>(visible.size()), tokens = 1 + patches, width = 3 * patch * patch;
  float* pixels = pixels_.get(static_cast<size_t>(n) * patches * width);  // [n * V, 3 * P * P]
  float* embedded = embedded_.get(static_cast<size_t>(n) * patches * d);  // [n * V, D]
  float* out = tokens_.get(static_cast<size_t>(n) * tokens * d);
#pragma omp parallel for
  for (int row = 0; row < n * patches; ++row) {
    const int image = row / patches, at = visible[static_cast<size_t>(row % patches)];
    const int y = at / grid * patch, x = at % grid * patch;
    float* to = pixels + static_cast<size_t>(row) * width;
    for (int c = 0; c < 3; ++c)
      for (int i = 0; i < patch; ++i, to += patch) {
        const float* from = images + ((static_cast<size_t>(image) * 3 + c) * side + y + i) * side + x;
        std::copy_n(from, patch, to);
      }
  }
  patch_embed_.run(n * patches, pixels, embedded);
#pragma omp parallel for
  for (int row = 0; row < n * tokens; ++row) {
    const int image = row / tokens, token = row % tokens;
    const int position = token == 0 ? 0 : 1 + visible[static_cast<size_t>(token - 1)];
    const float* from =
        token == 0 ? cls_token_.data() : embedded + (static_cast<size_t>(image) * patches + token - 1) * d;
    kernels::add(from, positions_.data() + static_cast<size_t>(position) * d, out + static_cast<size_t>(row) * d, d);
  }
  return out;
}

}  // namespace fsfm
