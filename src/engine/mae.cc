#include "engine/mae.h"

#include <string>

#include "base/error.h"
#include "engine/vit_trunk.h"
#include "kernels/rows.h"
#include "model/fsfm_config.h"
#include "model/fsfm_layout.h"

namespace fsfm {
namespace {

constexpr auto kPrecision = EnginePrecision::fp32;

FsfmConfig config_of(const ModelFile& model) {
  if (!model.tensors().contains("decoder_pred.weight"))
    throw Error("this model has no pixel decoder", "take a file of fsfm pretrain, or one converted with its decoders");
  return FsfmConfig::from_json(infer_fsfm_config(model.tensors(), model.card().config));
}

}  // namespace

struct MaeEngine::Impl {
  FsfmConfig config;
  int threads;
  OneDnn onednn;
  VitTrunk encoder;
  LayerNorm norm, decoder_norm;
  PackedLinear decoder_embed, decoder_pred;
  std::vector<float> mask_token, positions;  // [W] as the decoder sees it, [T, W]
  VitBlocks decoder;

  Impl(const ModelFile& model, int thread_limit)
      : config(config_of(model)),
        threads(thread_limit),
        encoder(onednn, model.tensors(), config.encoder, kPrecision),
        norm(model.tensors(), "norm"),
        decoder_norm(model.tensors(), "decoder_norm"),
        decoder_embed(make_linear(onednn, model.tensors(), "decoder_embed", config.encoder.embed_dim,
                                  config.decoder_embed_dim, Post::none, config.encoder.tokens(), kPrecision)),
        decoder_pred(make_linear(onednn, model.tensors(), "decoder_pred", config.decoder_embed_dim,
                                 3 * config.encoder.patch_size * config.encoder.patch_size, Post::none,
                                 config.encoder.patches(), kPrecision)),
        mask_token(static_cast<size_t>(config.decoder_embed_dim)),
        positions(model.tensors().at("decoder_pos_embed").to_float()),
        decoder(onednn, model.tensors(), "decoder_blocks.",
                {config.decoder_embed_dim, static_cast<int>(config.decoder_embed_dim * config.encoder.mlp_ratio),
                 config.decoder_depth, config.decoder_num_heads, VitConfig::kLayerNormEps},
                config.encoder.tokens(), kPrecision) {
    const std::vector<float> token = model.tensors().at("mask_token").to_float();
    decoder_embed.run(1, token.data(), mask_token.data());
  }

  std::vector<float> predict(std::span<const float> image, std::span<const uint8_t> masked) {
    const VitConfig& v = config.encoder;
    const int patches = v.patches(), wide = config.decoder_embed_dim, pixels = 3 * v.patch_size * v.patch_size;
    std::vector<int> visible;
    for (int p = 0; p < static_cast<int>(masked.size()); ++p)
      if (masked[static_cast<size_t>(p)] == 0) visible.push_back(p);
    if (image.size() != static_cast<size_t>(3) * v.img_size * v.img_size ||
        masked.size() != static_cast<size_t>(patches) || visible.empty())
      throw Error("the network reads pictures of " + std::to_string(v.img_size) + " pixels and " +
                  std::to_string(patches) + " patches, of which some are seen");
    const ScopedThreads team(threads);
    const int seen = 1 + static_cast<int>(visible.size());
    const float* latent = encoder.run(image.data(), 1, visible);
    std::vector<float> tokens(static_cast<size_t>(seen) * wide), x(static_cast<size_t>(1 + patches) * wide);
    const RowNorm after = norm.rows(v.layer_norm_eps);
    decoder_embed.run(seen, latent, tokens.data(), &after);
    for (int t = 0, next = 0; t <= patches; ++t) {
      const bool shown = t == 0 || masked[static_cast<size_t>(t - 1)] == 0;
      const float* from = shown ? tokens.data() + static_cast<size_t>(next++) * wide : mask_token.data();
      kernels::add(from, positions.data() + static_cast<size_t>(t) * wide, x.data() + static_cast<size_t>(t) * wide,
                   wide);
    }
    decoder.run(x.data(), 1, 1 + patches);
    std::vector<float> out(static_cast<size_t>(patches) * pixels);
    const RowNorm last = decoder_norm.rows(VitConfig::kLayerNormEps);
    decoder_pred.run(patches, x.data() + wide, out.data(), &last);
    return out;
  }
};

MaeEngine::MaeEngine(const ModelFile& model, int threads) {
  try {
    const ScopedThreads scope(threads);
    impl_ = std::make_unique<Impl>(model, threads);
  } catch (const Error& error) {
    throw error.in(model.path().string());
  }
}
MaeEngine::~MaeEngine() = default;
MaeEngine::MaeEngine(MaeEngine&&) noexcept = default;

const VitConfig& MaeEngine::layout() const { return impl_->config.encoder; }
std::vector<float> MaeEngine::predict(std::span<const float> image, std::span<const uint8_t> masked) {
  return impl_->predict(image, masked);
}

}  // namespace fsfm
