#include "nn/fsfm_net.h"

#include "base/error.h"
#include "nn/init.h"
#include "nn/ops.h"

namespace fsfm {
namespace {

// Rows of the flattened [B*stride] tokens that `index` [B,K] names, `offset` of them (class tokens) being skipped per
// image.
torch::Tensor flat_rows(const torch::Tensor& index, int64_t stride, int64_t offset) {
  const auto image = torch::arange(index.size(0), index.options()).unsqueeze(1);
  return (index + (image * stride + offset)).flatten();
}

torch::Tensor run_blocks(const torch::nn::ModuleList& blocks, torch::Tensor x) {
  for (const auto& block : *blocks) x = block->as<Block>()->forward(x);
  return x;
}

void check_images(const torch::Tensor& images, const VitConfig& config) {
  if (images.dim() == 4 && images.size(1) == 3 && images.size(2) == config.img_size &&
      images.size(3) == config.img_size)
    return;
  throw Error("the network reads pictures of 3 x " + std::to_string(config.img_size) + " x " +
              std::to_string(config.img_size) + " values");
}

}  // namespace

MaskIndices MaskIndices::from_masks(std::span<const uint8_t> masked, std::span<const uint8_t> region, int batch,
                                    int patches) {
  const size_t count = static_cast<size_t>(batch) * patches;
  if (batch <= 0 || patches <= 0 || masked.size() != count || region.size() != count) {
    throw Error("masks do not hold " + std::to_string(batch) + " x " + std::to_string(patches) + " patches");
  }
  int64_t hidden_count = 0;
  for (int p = 0; p < patches; ++p) hidden_count += masked[p] != 0;
  const int64_t visible_count = patches - hidden_count;
  MaskIndices out{.visible = torch::empty({batch, visible_count}, torch::kInt64),
                  .hidden = torch::empty({batch, hidden_count}, torch::kInt64),
                  .region = torch::empty({batch, hidden_count})};
  auto* visible = out.visible.data_ptr<int64_t>();
  auto* hidden = out.hidden.data_ptr<int64_t>();
  auto* in_region = out.region.data_ptr<float>();
  for (int b = 0; b < batch; ++b) {
    const size_t row = static_cast<size_t>(b) * patches;
    int64_t v = 0, h = 0;
    for (int p = 0; p < patches; ++p) {
      if (masked[row + p] == 0) {
        if (v < visible_count) visible[b * visible_count + v] = p;
        ++v;
      } else {
        if (h < hidden_count) {
          hidden[b * hidden_count + h] = p;
          in_region[b * hidden_count + h] = region[row + p] != 0 ? 1.0f : 0.0f;
        }
        ++h;
      }
    }
    if (h != hidden_count) throw Error("masks of one batch hide different numbers of patches");
  }
  return out;
}

MaskIndices MaskIndices::to(torch::Device device) const {
  return {visible.to(device), hidden.to(device), region.to(device)};
}

ProjectionHeadImpl::ProjectionHeadImpl(int in, int hidden, int out) {
  // A container named like the authors' Sequential, so that indices 0, 1 and 3 name the layers.
  auto head = std::make_shared<torch::nn::Module>();
  first_ = head->register_module("0", torch::nn::Linear(in, hidden));
  norm_ = head->register_module("1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({hidden})));
  last_ = head->register_module("3", torch::nn::Linear(hidden, out));
  register_module("projection_head", head);
}

torch::Tensor ProjectionHeadImpl::forward(const torch::Tensor& x) {
  return ops::linear(torch::relu(ops::layer_norm(ops::linear(x, first_), norm_)), last_).to(torch::kFloat);
}

FsfmTrunkImpl::FsfmTrunkImpl(const FsfmConfig& config) : config(config) {
  config.check();
  const VitConfig& encoder = config.encoder;
  const int dim = encoder.embed_dim;
  cls_token_ = register_parameter("cls_token", torch::zeros({1, 1, dim}));
  pos_embed_ = register_parameter("pos_embed", sincos_positions(dim, encoder.grid()), /*requires_grad=*/false);
  mask_token_ = register_parameter("mask_token", torch::zeros({1, 1, dim}));
  rep_decoder_pos_embed_ =
      register_parameter("rep_decoder_pos_embed", sincos_positions(dim, encoder.grid()), /*requires_grad=*/false);
}

void FsfmTrunkImpl::register_encoder() {
  const VitConfig& encoder = config.encoder;
  const int dim = encoder.embed_dim;
  patch_embed_ = register_module("patch_embed", PatchEmbed(encoder.patch_size, dim));
  blocks_ = register_module("blocks", make_blocks(dim, encoder.depth, encoder.num_heads, encoder.mlp_ratio,
                                                  encoder.drop_path, encoder.layer_norm_eps));
  norm_ = register_module("norm", make_layer_norm(dim, encoder.layer_norm_eps));
  projector_ = register_module("projector", ProjectionHead(dim, config.projection_hidden_size, config.projection_size));
}

void FsfmTrunkImpl::register_rep_decoder() {
  const int dim = config.encoder.embed_dim;
  rep_decoder_embed_ = register_module("rep_decoder_embed", torch::nn::Linear(dim, dim));
  rep_decoder_blocks_ = register_module(
      "rep_decoder_blocks",
      make_blocks(dim, config.rep_decoder_depth, config.rep_decoder_num_heads, config.encoder.mlp_ratio));
  rep_decoder_norm_ = register_module("rep_decoder_norm", make_layer_norm(dim));
  rep_decoder_pred_ = register_module("rep_decoder_pred", torch::nn::Linear(dim, dim));
}

torch::Tensor FsfmTrunkImpl::encode(const torch::Tensor& images, const torch::Tensor& keep) {
  check_images(images, config.encoder);
  const auto patches = patch_embed_(images, keep).to(torch::kFloat);  // [B,V,D]
  const auto patch_positions = pos_embed_.slice(1, 1);                // [1,L,D]
  const auto positions = keep.defined()
                             ? patch_positions.squeeze(0).index_select(0, keep.flatten()).view(patches.sizes())
                             : patch_positions;
  const auto cls = (cls_token_ + pos_embed_.slice(1, 0, 1)).expand({patches.size(0), -1, -1});
  return ops::layer_norm(run_blocks(blocks_, torch::cat({cls, patches + positions}, 1)), norm_);
}

torch::Tensor FsfmTrunkImpl::fill_hidden(const torch::Tensor& tokens, const torch::Tensor& mask_token,
                                         const torch::Tensor& visible) const {
  const int64_t batch = tokens.size(0), width = tokens.size(2), stride = 1 + config.encoder.patches();
  const auto with_class = torch::cat({torch::zeros({batch, 1}, visible.options()), visible + 1}, 1);  // [B,1+V]
  return mask_token.to(tokens.scalar_type())
      .view({1, width})
      .expand({batch * stride, width})
      .index_copy(0, flat_rows(with_class, stride, 0), tokens.flatten(0, 1))
      .view({batch, stride, width});
}

torch::Tensor FsfmTrunkImpl::rep_decode(torch::Tensor latent, const torch::Tensor& visible) {
  auto x = ops::linear(latent, rep_decoder_embed_).to(torch::kFloat);
  if (visible.defined()) x = fill_hidden(x, mask_token_, visible);
  x = run_blocks(rep_decoder_blocks_, x + rep_decoder_pos_embed_);
  return ops::linear(ops::layer_norm(x, rep_decoder_norm_), rep_decoder_pred_);
}

FsfmOnlineImpl::FsfmOnlineImpl(const FsfmConfig& config) : FsfmTrunkImpl(config) {
  const VitConfig& encoder = config.encoder;
  const int dim = encoder.embed_dim, decoder_dim = config.decoder_embed_dim;
  decoder_pos_embed_ =
      register_parameter("decoder_pos_embed", sincos_positions(decoder_dim, encoder.grid()), /*requires_grad=*/false);
  register_encoder();
  predictor_ = register_module(
      "predictor", ProjectionHead(config.projection_size, config.projection_hidden_size, config.projection_size));
  register_rep_decoder();
  decoder_embed_ = register_module("decoder_embed", torch::nn::Linear(dim, decoder_dim));
  decoder_blocks_ = register_module(
      "decoder_blocks", make_blocks(decoder_dim, config.decoder_depth, config.decoder_num_heads, encoder.mlp_ratio));
  decoder_norm_ = register_module("decoder_norm", make_layer_norm(decoder_dim));
  decoder_pred_ =
      register_module("decoder_pred", torch::nn::Linear(decoder_dim, encoder.patch_size * encoder.patch_size * 3));
  init::mae_layers_(*this);
  init::mae_patch_embed_(patch_embed_->proj);
  torch::nn::init::normal_(cls_token_, 0.0, 0.02);
  torch::nn::init::normal_(mask_token_, 0.0, 0.02);
}

torch::Tensor FsfmOnlineImpl::decode_pixels(const torch::Tensor& latent, const torch::Tensor& visible,
                                            const torch::Tensor& wanted) {
  // The Linear acts on each token alone, so the mask token is projected once, not once per hidden patch.
  const auto tokens = ops::linear(latent, decoder_embed_).to(torch::kFloat);
  const auto mask_token = ops::linear(mask_token_, decoder_embed_);
  auto x = fill_hidden(tokens, mask_token, visible) + decoder_pos_embed_;  // [B,1+L,512]
  const int64_t batch = x.size(0), stride = x.size(1);
  const size_t last = decoder_blocks_->size() - 1;
  for (size_t i = 0; i < last; ++i) x = decoder_blocks_[i]->as<Block>()->forward(x);
  const auto patches =
      wanted.defined() ? wanted : torch::arange(stride - 1, visible.options()).expand({batch, stride - 1});
  x = decoder_blocks_[last]->as<Block>()->forward(x, flat_rows(patches, stride, 1));  // [B*W,512]
  return ops::linear(ops::layer_norm(x, decoder_norm_), decoder_pred_)
      .to(torch::kFloat)
      .view({batch, patches.size(1), -1});
}

OnlineOutput FsfmOnlineImpl::forward(const torch::Tensor& images, const MaskIndices& mask, bool with_rep) {
  OnlineOutput out;
  out.latent = encode(images, mask.visible);
  if (with_rep) {
    out.rep = rep_decode(out.latent, mask.visible);
    out.projection = projector_(out.rep.mean(1, false, torch::kFloat));
    out.feature = predictor_(out.projection);
  }
  out.pred = decode_pixels(out.latent, mask.visible, mask.hidden);
  return out;
}

torch::Tensor FsfmOnlineImpl::predict_all(const torch::Tensor& images, const MaskIndices& mask) {
  return decode_pixels(encode(images, mask.visible), mask.visible, {});
}

FsfmTargetImpl::FsfmTargetImpl(const FsfmConfig& config) : FsfmTrunkImpl(config) {
  register_encoder();
  register_rep_decoder();
  init::mae_layers_(*this);
  init::mae_patch_embed_(patch_embed_->proj);
  for (auto& parameter : parameters()) parameter.set_requires_grad(false);
}

torch::Tensor FsfmTargetImpl::forward(const torch::Tensor& images) {
  torch::NoGradGuard no_grad;
  const auto rep = rep_decode(encode(images, {}), {});
  return projector_(rep.mean(1, false, torch::kFloat));
}

void copy_shared(const FsfmOnline& online, FsfmTarget& target) {
  torch::NoGradGuard no_grad;
  const auto sources = online->named_parameters();
  for (auto& item : target->named_parameters()) {
    if (const auto* source = sources.find(item.key())) item.value().copy_(*source);
  }
}

void ema_update(const FsfmOnline& online, FsfmTarget& target, double momentum) {
  torch::NoGradGuard no_grad;
  const auto sources = online->named_parameters();
  for (auto& item : target->named_parameters()) {
    const auto* source = sources.find(item.key());
    // Silence here would freeze the target for a whole training run.
    if (source == nullptr)
      throw InternalError("the online network has no parameter '" + item.key() + "' for the moving average");
    item.value().lerp_(*source, 1.0 - momentum);
  }
}

}  // namespace fsfm
