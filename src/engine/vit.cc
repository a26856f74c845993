#include "engine/vit.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"
#include "engine/vit_heads.h"
#include "kernels/attention.h"
#include "kernels/layer_norm.h"
#include "kernels/packed_linear.h"
#include "kernels/rows.h"
#include "model/quantized.h"

namespace fsfm {
namespace {

constexpr int kMaxBatch = 8;  // images at a time: more gains nothing and costs memory

struct LayerNorm {
  std::vector<float> weight, bias;

  LayerNorm(const TensorMap& tensors, const std::string& name)
      : weight(tensors.at(name + ".weight").to_float()), bias(tensors.at(name + ".bias").to_float()) {}
};

// A layer of the file in any precision, from weights in floats or in bytes.
PackedLinear linear(OneDnn& onednn, const TensorMap& tensors, const std::string& name, int inputs, int outputs,
                    PackedLinear::Post post, int rows, EnginePrecision precision) {
  const TensorView& weight = tensors.at(name + ".weight");
  const std::vector<float> bias = tensors.at(name + ".bias").to_float();
  const auto scales = tensors.find(name + ".weight_scale");
  if (scales == tensors.end() && weight.dtype == DType::i8)
    throw Error("the matrix '" + name + ".weight' is in eight bits without its scales", "quantise the model again");
  if (precision == EnginePrecision::int8) {
    if (scales != tensors.end()) {
      (void)dequantize_matrix(weight, scales->second);  // refuses what does not fit
      return {onednn, weight.as<int8_t>(), scales->second.to_float(), bias, inputs, outputs, post, rows};
    }
    const QuantizedMatrix bytes = quantize_matrix(weight.to_float(), outputs, inputs);
    return {onednn, bytes.values, bytes.scales, bias, inputs, outputs, post, rows};
  }
  return {onednn,  scales == tensors.end() ? weight.to_float() : dequantize_matrix(weight, scales->second),
          bias,    inputs,
          outputs, post,
          rows,    precision == EnginePrecision::bf16 ? ProductType::bf16 : ProductType::fp32};
}

EnginePrecision chosen(EnginePrecision wanted, const TensorMap& tensors) {
  if (wanted != EnginePrecision::automatic) return wanted;
  return is_quantized(tensors) && has_fast_int8() ? EnginePrecision::int8 : EnginePrecision::fp32;
}

struct Block {
  LayerNorm norm1, norm2;
  PackedLinear qkv, proj;
  PackedMlp mlp;

  Block(OneDnn& onednn, const TensorMap& tensors, const VitConfig& v, const std::string& name,
        EnginePrecision precision)
      : norm1(tensors, name + "norm1"), norm2(tensors, name + "norm2") {
    using Post = PackedLinear::Post;
    const int d = v.embed_dim, rows = v.tokens();
    qkv = linear(onednn, tensors, name + "attn.qkv", d, 3 * d, Post::none, rows, precision);
    proj = linear(onednn, tensors, name + "attn.proj", d, d, Post::add, rows, precision);
    mlp = PackedMlp(linear(onednn, tensors, name + "mlp.fc1", d, v.mlp_hidden(), Post::gelu, rows, precision),
                    linear(onednn, tensors, name + "mlp.fc2", v.mlp_hidden(), d, Post::add, rows, precision));
  }
};

// Grows and never shrinks; 64-byte aligned for whole cache lines.
class Buffer {
 public:
  float* get(size_t count) {
    if (count > size_) {
      data_.reset();
      data_.reset(static_cast<float*>(::operator new(count * sizeof(float), kAlignment)));
      size_ = count;
    }
    return data_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(float* p) const { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<float, Free> data_;
  size_t size_ = 0;
};

}  // namespace

struct VitEngine::Impl {
  VitConfig layout;
  int threads;
  EnginePrecision precision;
  OneDnn onednn;
  std::vector<float> cls_token, positions;  // [D], [T, D]
  PackedLinear patch_embed;
  std::vector<Block> blocks;
  std::unique_ptr<LayerNorm> pool_norm;
  std::unique_ptr<VitHead> head;
  Buffer stream, narrow, wide, scratch;

  Impl(const TensorMap& tensors, const nlohmann::json& config, int thread_limit, EnginePrecision wanted)
      : layout(infer_vit_config(without_scales(tensors), config)),
        threads(thread_limit),
        precision(chosen(wanted, tensors)) {
    const ScopedThreads scope(threads);
    const int d = layout.embed_dim, patch = layout.patch_size;
    cls_token = tensors.at("cls_token").to_float();
    positions = tensors.at("pos_embed").to_float();
    patch_embed = linear(onednn, tensors, "patch_embed.proj", 3 * patch * patch, d, PackedLinear::Post::none,
                         layout.tokens() - 1, EnginePrecision::fp32);
    for (int i = 0; i < layout.depth; ++i)
      blocks.emplace_back(onednn, tensors, layout, "blocks." + std::to_string(i) + ".", precision);
    pool_norm = std::make_unique<LayerNorm>(tensors, layout.global_pool == "token" ? "norm" : "fc_norm");
    head = make_vit_head(onednn, tensors, layout);
  }

  // images [n, 3, S, S] -> `stream` [n, T, D] with class token and positions.
  float* embed(const float* images, int n) {
    const int d = layout.embed_dim, patch = layout.patch_size, side = layout.img_size, grid = side / patch;
    const int patches = grid * grid, tokens = 1 + patches, width = 3 * patch * patch;
    float* pixels = wide.get(static_cast<size_t>(n) * patches * width);  // [n * L, 3 * P * P]
    float* embedded = narrow.get(static_cast<size_t>(n) * tokens * d);   // [n * L, D]
    float* out = stream.get(static_cast<size_t>(n) * tokens * d);
#pragma omp parallel for
    for (int row = 0; row < n * patches; ++row) {
      const int image = row / patches, y = row % patches / grid * patch, x = row % grid * patch;
      float* to = pixels + static_cast<size_t>(row) * width;
      for (int c = 0; c < 3; ++c)
        for (int i = 0; i < patch; ++i, to += patch) {
          const float* from = images + ((static_cast<size_t>(image) * 3 + c) * side + y + i) * side + x;
          std::copy_n(from, patch, to);
        }
    }
    patch_embed.run(n * patches, pixels, embedded);
#pragma omp parallel for
    for (int row = 0; row < n * tokens; ++row) {
      const int image = row / tokens, token = row % tokens;
      const float* from =
          token == 0 ? cls_token.data() : embedded + (static_cast<size_t>(image) * patches + token - 1) * d;
      kernels::add(from, positions.data() + static_cast<size_t>(token) * d, out + static_cast<size_t>(row) * d, d);
    }
    return out;
  }

  RowNorm row_norm(const LayerNorm& norm) const {
    return {norm.weight.data(), norm.bias.data(), static_cast<float>(layout.layer_norm_eps)};
  }

  void attend(const float* qkv, float* out, int n) {
    const int d = layout.embed_dim, heads = layout.num_heads, head_dim = d / heads, tokens = layout.tokens();
    const size_t each = (kernels::attention_scratch(tokens, head_dim) + 15) / 16 * 16;
    float* memory = scratch.get(each * omp_get_max_threads());
#pragma omp parallel for
    for (int task = 0; task < n * heads; ++task) {
      const size_t image = task / heads, first = static_cast<size_t>(task % heads) * head_dim;
      kernels::attention(qkv + image * tokens * 3 * d + first, out + image * tokens * d + first, tokens, d, head_dim,
                         memory + each * omp_get_thread_num());
    }
  }

  // -> [n, T, D] after the blocks, before any final norm.
  const float* run_tokens(const float* images, int n) {
    const int d = layout.embed_dim, rows = n * layout.tokens();
    float* x = embed(images, n);
    float* attended = narrow.get(static_cast<size_t>(rows) * d);
    float* qkv = wide.get(static_cast<size_t>(rows) * 3 * d);
    for (Block& block : blocks) {
      const RowNorm norm1 = row_norm(block.norm1), norm2 = row_norm(block.norm2);
      block.qkv.run(rows, x, qkv, &norm1);
      attend(qkv, attended, n);
      block.proj.run(rows, attended, x);
      block.mlp.run(rows, x, norm2);
    }
    return x;
  }

  // tokens [n, T, D] -> [n, D].
  std::vector<float> pool(const float* tokens, int n) const {
    const int d = layout.embed_dim, t = layout.tokens();
    std::vector<float> pooled(static_cast<size_t>(n) * d);
    for (int image = 0; image < n; ++image) {
      const float* rows = tokens + static_cast<size_t>(image) * t * d;
      float* out = pooled.data() + static_cast<size_t>(image) * d;
      if (layout.global_pool == "token") {
        std::copy_n(rows, d, out);
      } else {
        kernels::add_columns(rows + d, out, t - 1, d);
        for (int j = 0; j < d; ++j) out[j] /= static_cast<float>(t - 1);
      }
      kernels::layer_norm(out, pool_norm->weight.data(), pool_norm->bias.data(), out, nullptr, nullptr, 1, d,
                          static_cast<float>(layout.layer_norm_eps));
    }
    return pooled;
  }

  // Features, or with `want_logits` logits, of any number of images.
  std::vector<float> run(std::span<const float> images, int batch, bool want_logits) {
    const size_t image = static_cast<size_t>(3) * layout.img_size * layout.img_size;
    if (batch < 0 || images.size() != image * static_cast<size_t>(batch))
      throw Error("the network reads pictures of " + std::to_string(layout.img_size) + " x " +
                  std::to_string(layout.img_size) + " pixels");
    if (want_logits && !head)
      throw Error("this model has no classification head", "fine-tune it first: fsfm finetune --help");
    const ScopedThreads scope(threads);
    std::vector<float> out;
    for (int start = 0; start < batch; start += kMaxBatch) {
      const int n = std::min(kMaxBatch, batch - start);
      const float* tokens = run_tokens(images.data() + image * start, n);
      std::vector<float> part = pool(tokens, n);
      if (want_logits) part = head->logits(part.data(), tokens, n);
      out.insert(out.end(), part.begin(), part.end());
    }
    return out;
  }
};

EnginePrecision parse_engine_precision(const std::string& name) {
  if (name == "auto") return EnginePrecision::automatic;
  if (name == "fp32") return EnginePrecision::fp32;
  if (name == "bf16") return EnginePrecision::bf16;
  if (name == "int8") return EnginePrecision::int8;
  throw Error("unknown precision '" + name + "'", "choose auto, fp32, bf16 or int8");
}

VitEngine::VitEngine(const ModelFile& model, int threads, EnginePrecision precision) {
  try {
    impl_ = std::make_unique<Impl>(model.tensors(), model.card().config, threads, precision);
  } catch (const Error& error) {
    throw error.in(model.path().string());
  }
}
VitEngine::VitEngine(const TensorMap& tensors, const nlohmann::json& config, int threads, EnginePrecision precision)
    : impl_(std::make_unique<Impl>(tensors, config, threads, precision)) {}
VitEngine::~VitEngine() = default;
VitEngine::VitEngine(VitEngine&&) noexcept = default;

const VitConfig& VitEngine::layout() const { return impl_->layout; }
EnginePrecision VitEngine::precision() const { return impl_->precision; }
int VitEngine::image_size() const { return impl_->layout.img_size; }
int VitEngine::classes() const { return impl_->layout.num_classes; }
std::vector<float> VitEngine::logits(std::span<const float> images, int batch) {
  return impl_->run(images, batch, true);
}
std::vector<float> VitEngine::features(std::span<const float> images, int batch) {
  return impl_->run(images, batch, false);
}

}  // namespace fsfm
