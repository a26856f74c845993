#include "model/fsfm_layout.h"

#include <cmath>

#include "model/tensor_shapes.h"
#include "model/vit_layout.h"

namespace fsfm {
namespace {

constexpr int64_t kMaxDim = 16384, kMaxProjection = 65536;

}  // namespace

nlohmann::json infer_fsfm_config(const TensorMap& tensors, const nlohmann::json& stated) {
  const VitConfig encoder = infer_vit_config(tensors, stated);
  const int64_t dim = encoder.embed_dim;
  nlohmann::json config = encoder.to_json();
  for (const char* key : {"num_classes", "global_pool", "adapter", "mlp_ratio"}) config.erase(key);

  const auto copy_heads = [&](const char* key) {
    if (stated.contains(key)) config[key] = stated[key];
  };
  if (tensors.contains("rep_decoder_embed.weight")) {  // left out where nobody learns on: fsfm convert --no-similarity
    const int rep_depth = count_blocks(tensors, "rep_decoder_blocks.");
    expect_blocks(tensors, "rep_decoder_blocks.", rep_depth, dim, encoder.mlp_hidden());
    const int64_t hidden = rows_of(tensors, "projector.projection_head.0.weight", kMaxProjection);
    const int64_t projection = rows_of(tensors, "projector.projection_head.3.weight", kMaxProjection);
    expect_shape(tensors, "projector.projection_head.0.weight", {hidden, dim});
    expect_shape(tensors, "projector.projection_head.3.weight", {projection, hidden});
    config["rep_decoder_embed_dim"] = dim;
    config["rep_decoder_depth"] = rep_depth;
    config["projection_hidden_size"] = hidden;
    config["projection_size"] = projection;
    copy_heads("rep_decoder_num_heads");
  }

  const double mlp_ratio = static_cast<double>(encoder.mlp_hidden()) / encoder.embed_dim;
  if (tensors.contains("decoder_embed.weight")) {  // only the online network predicts pixels
    const int64_t width = rows_of(tensors, "decoder_embed.weight", kMaxDim);
    const int depth = count_blocks(tensors, "decoder_blocks.");
    expect_shape(tensors, "decoder_embed.weight", {width, dim});
    expect_shape(tensors, "decoder_pos_embed", {1, encoder.tokens(), width});
    expect_blocks(tensors, "decoder_blocks.", depth, width, std::llround(static_cast<double>(width) * mlp_ratio));
    expect_shape(tensors, "decoder_pred.weight", {3 * encoder.patch_size * encoder.patch_size, width});
    config["decoder_embed_dim"] = width;
    config["decoder_depth"] = depth;
    copy_heads("decoder_num_heads");
  }
  expect_agreement(stated, config);
  config["mlp_ratio"] = mlp_ratio;  // a fraction, which a card may have rounded
  return config;
}

bool predicts_normalised_patches(const ModelCard& card) {
  if (!card.training.is_object() || !card.training.contains("recipe") || !card.training["recipe"].is_string())
    return true;  // as the published checkpoints
  return card.training["recipe"].get<std::string>().find("norm_pix = false") == std::string::npos;
}

}  // namespace fsfm
