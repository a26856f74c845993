#include "engine/vit.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "engine/vit_heads.h"
#include "engine/vit_trunk.h"
#include "kernels/rows.h"
#include "model/quantized.h"

namespace fsfm {
namespace {

constexpr int kMaxBatch = 8;  // images at a time: more gains nothing and costs memory

EnginePrecision chosen(EnginePrecision wanted, const TensorMap& tensors) {
  if (wanted != EnginePrecision::automatic) return wanted;
  return is_quantized(tensors) && has_fast_int8() ? EnginePrecision::int8 : EnginePrecision::fp32;
}

}  // namespace

struct VitEngine::Impl {
  VitConfig layout;
  int threads;
  EnginePrecision precision;
  OneDnn onednn;
  std::unique_ptr<VitTrunk> trunk;
  std::unique_ptr<LayerNorm> pool_norm;
  std::unique_ptr<VitHead> head;

  Impl(const TensorMap& tensors, const nlohmann::json& config, int thread_limit, EnginePrecision wanted)
      : layout(infer_vit_config(without_scales(tensors), config)),
        threads(thread_limit),
        precision(chosen(wanted, tensors)) {
    const ScopedThreads scope(threads);
    trunk = std::make_unique<VitTrunk>(onednn, tensors, layout, precision);
    pool_norm = std::make_unique<LayerNorm>(tensors, layout.global_pool == "token" ? "norm" : "fc_norm");
    head = make_vit_head(onednn, tensors, layout);
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
      normalize_row(pool_norm->rows(layout.layer_norm_eps), out, out, d);
    }
    return pooled;
  }

  Impl(const Impl& other, int thread_limit)
      : layout(other.layout),
        threads(thread_limit),
        precision(other.precision),
        onednn(other.onednn.engine),
        trunk(std::make_unique<VitTrunk>(onednn, *other.trunk)),
        pool_norm(std::make_unique<LayerNorm>(*other.pool_norm)),
        head(other.head ? other.head->for_thread_of(onednn) : nullptr) {}

  size_t image_values() const { return static_cast<size_t>(3) * layout.img_size * layout.img_size; }
  void require_size(std::span<const float> images, int batch) const {
    if (batch < 0 || images.size() != image_values() * static_cast<size_t>(batch))
      throw Error("the network reads pictures of " + std::to_string(layout.img_size) + " x " +
                  std::to_string(layout.img_size) + " pixels");
  }

  // Features, or with `want_logits` logits, of any number of images.
  std::vector<float> run(std::span<const float> images, int batch, bool want_logits) {
    const size_t image = image_values();
    require_size(images, batch);
    if (want_logits && !head)
      throw Error("this model has no classification head", "fine-tune it first: fsfm finetune --help");
    const ScopedThreads scope(threads);
    std::vector<float> out;
    for (int start = 0; start < batch; start += kMaxBatch) {
      const int n = std::min(kMaxBatch, batch - start);
      const float* tokens = trunk->run(images.data() + image * start, n);
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
VitEngine::VitEngine(const VitEngine& other, int threads) : impl_(std::make_unique<Impl>(*other.impl_, threads)) {}
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
std::vector<float> VitEngine::attention(std::span<const float> image) {
  impl_->require_size(image, 1);
  const ScopedThreads scope(impl_->threads);
  return impl_->trunk->attention(image.data());
}

}  // namespace fsfm
