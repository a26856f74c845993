#include "detect/frozen_encoder.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace fsfm {
namespace {

// A pretrained encoder has no pooling norm yet: an untrained one (scale 1, shift 0) makes it pool the patch tokens.
TensorMap encoder_tensors(const ModelFile& model, std::vector<HostTensor>& own) {
  for (const auto& [name, tensor] : model.tensors())
    if (!is_vit_name(name) && !is_fsfm_name(name)) throw unknown_tensor("", name, name);
  TensorMap tensors;
  for (const char* prefix :
       {"cls_token", "pos_embed", "patch_embed.", "blocks.", "norm.", "fc_norm.", "head.", "adapter."})
    for (auto it = model.tensors().lower_bound(prefix); it != model.tensors().end() && it->first.starts_with(prefix);
         ++it)
      tensors.insert(*it);
  const auto table = tensors.find("cls_token");
  if (model.card().kind == "detector" || table == tensors.end() || tensors.contains("fc_norm.weight")) return tensors;
  const int64_t dim = table->second.shape.back();
  own.push_back(HostTensor::from_floats({dim}, std::vector<float>(static_cast<size_t>(dim), 1.0f)));
  own.push_back(HostTensor::from_floats({dim}, std::vector<float>(static_cast<size_t>(dim), 0.0f)));
  tensors["fc_norm.weight"] = own[own.size() - 2].view();
  tensors["fc_norm.bias"] = own.back().view();
  return tensors;
}

}  // namespace

FrozenEncoder::FrozenEncoder(const ModelFile& model, int threads)
    : normalization_{model.card().mean, model.card().std} {
  std::vector<HostTensor> own;
  own.reserve(2);  // views into them must stay valid
  nlohmann::json config = nlohmann::json::object();
  for (const char* key : {"num_heads", "layer_norm_eps", "act"})  // what the tensors do not show
    if (model.card().config.contains(key)) config[key] = model.card().config[key];
  try {
    engine_ = std::make_unique<VitEngine>(encoder_tensors(model, own), config, threads);
  } catch (const Error& error) {
    throw error.in(model.path().string());
  }
  const bool detector = model.card().kind == "detector";
  // Pretraining sees whole crops.
  transform_ = Transform::parse(detector ? model.card().resize : whole_view(engine_->image_size()));
}

FaceFeatures FrozenEncoder::features(const Dataset& dataset, const ScoreOptions& options) {
  FaceFeatures result;
  result.faces = read_faces(dataset, transform_, normalization_, options,
                            [&](std::span<const float> images, std::span<const size_t> indices) {
                              const auto rows = engine_->features(images, static_cast<int>(indices.size()));  // [B,D]
                              result.width = rows.size() / indices.size();
                              result.values.insert(result.values.end(), rows.begin(), rows.end());
                              result.indices.insert(result.indices.end(), indices.begin(), indices.end());
                            });
  for (size_t i = 0; i < result.faces.size(); ++i) {
    float* values = result.values.data() + i * result.width;
    double squares = 0;
    for (size_t d = 0; d < result.width; ++d) squares += static_cast<double>(values[d]) * values[d];
    const auto scale = static_cast<float>(1 / std::sqrt(std::max(squares, 1e-20)));
    for (size_t d = 0; d < result.width; ++d) values[d] *= scale;
  }
  return result;
}

ScoredDataset FrozenEncoder::attention(const Dataset& dataset, const ScoreOptions& options,
                                       const std::function<void(std::span<const float>)>& use) {
  return read_faces(dataset, transform_, normalization_, options,
                    [&](std::span<const float> images, std::span<const size_t> indices) {
                      const size_t values = images.size() / indices.size();
                      for (size_t i = 0; i < indices.size(); ++i)
                        use(engine_->attention(images.subspan(i * values, values)));
                    });
}

}  // namespace fsfm
