// Downstream networks against tiny-vit.safetensors, tiny-detector.pth, fas-head.safetensors and fs-adapter.safetensors.
#include "engine/vit.h"
#include "nn/adapter.h"
#include "nn/fas_head.h"
#include "nn/vit.h"
#include "nn/weights.h"
#include "tensorio/pth.h"
#include "train/selfcheck/golden.h"

namespace fsfm::selfcheck {
namespace {

constexpr double kTolerance = 2e-5;

// The torch-free engine on the same weights.
void check_engine(Report& report, const std::string& name, const TensorMap& weights, const nlohmann::json& config,
                  const torch::Tensor& images, const torch::Tensor& logits, const torch::Tensor* features = nullptr) {
  VitEngine engine(weights, config);
  const auto pixels = images.contiguous();
  const std::span<const float> values(pixels.data_ptr<float>(), static_cast<size_t>(pixels.numel()));
  const int batch = static_cast<int>(pixels.size(0));
  const auto compare = [&](const std::string& what, std::vector<float> ours, const torch::Tensor& reference) {
    if (static_cast<int64_t>(ours.size()) != reference.numel()) return report.fail(name + what, "the sizes differ");
    report.compare(name + what, torch::from_blob(ours.data(), reference.sizes()), reference, kTolerance);
  };
  compare(": logits of the engine without libtorch", engine.logits(values, batch), logits);
  if (features != nullptr)
    compare(": features of the engine without libtorch", engine.features(values, batch), *features);
}

void check_vit(Report& report) {
  const GoldenFile file = report.open("tiny-vit.safetensors");
  auto config = VitConfig::from_json(file.metadata("config"));
  const auto images = file.tensor("images");
  for (const auto& [prefix, pool] : {std::pair{"avg", "avg"}, std::pair{"cls", "token"}}) {
    config.global_pool = pool;
    const std::string name = prefix;
    const TensorMap weights = file.with_prefix(name + ".weights.");
    Vit vit(config);
    vit->eval();
    load_weights(*vit, weights, {.source = "tiny-vit.safetensors"});
    torch::NoGradGuard no_grad;
    report.compare("vit " + name + ": features", vit->forward_features(images), file.tensor(name + ".features"),
                   kTolerance);
    report.compare("vit " + name + ": logits", vit->forward(images), file.tensor(name + ".logits"), kTolerance);
    const auto features = file.tensor(name + ".features");
    check_engine(report, "vit " + name, weights, config.to_json(), images, file.tensor(name + ".logits"), &features);
  }
  const auto resized = file.tensor("pos_embed_96");
  const int grid = static_cast<int>(std::lround(std::sqrt(static_cast<double>(resized.size(1) - 1))));
  report.compare("vit: positions of a larger picture", resize_positions(file.tensor("pos_embed_64"), grid), resized,
                 kTolerance);

  const PthFile detector = read_pth(report.path("tiny-detector.pth"));
  report.compare_all("checkpoint: tiny-detector.pth", to_torch_map(state_dict(detector)),
                     to_torch_map(file.with_prefix("avg.weights.")), 0.0);
}

void check_fas_head(Report& report) {
  const GoldenFile file = report.open("fas-head.safetensors");
  const auto tokens = file.tensor("tokens");  // [B,1+L,D]
  FasHead head(static_cast<int>(tokens.size(2)), static_cast<int>(file.tensor("classifier_b").size(0)));
  head->eval();
  load_weights(*head,
               {{"bottleneck.weight", file.view("bottleneck_w")},
                {"bottleneck.bias", file.view("bottleneck_b")},
                {"classifier.weight", file.view("classifier_w")},
                {"classifier.bias", file.view("classifier_b")}},
               {.source = "fas-head.safetensors"});
  torch::NoGradGuard no_grad;
  const auto features = head->features(tokens);
  report.compare("anti-spoofing head: features", features, file.tensor("feature"), kTolerance);
  report.compare("anti-spoofing head: logits", head->classify(features), file.tensor("logits"), kTolerance);
  report.compare("anti-spoofing head: P(live)", head->forward(tokens).softmax(-1).select(1, 1), file.tensor("score"),
                 kTolerance);
}

void check_adapter(Report& report) {
  const GoldenFile file = report.open("fs-adapter.safetensors");
  auto config = VitConfig::from_json(report.open("tiny-vit.safetensors").metadata("config"));
  config.global_pool = "avg";
  AdapterVit vit(config);
  vit->eval();
  load_weights(*vit, file.with_prefix("weights."), {.source = "fs-adapter.safetensors"});
  const auto out = vit->forward_adapter(file.tensor("images"));
  report.compare("adapter: logits", out.logits, file.tensor("logits"), kTolerance);
  check_engine(report, "adapter", file.with_prefix("weights."), config.to_json(), file.tensor("images"),
               file.tensor("logits"));
  report.compare("adapter: projection", out.projected, file.tensor("projected"), kTolerance);
  for (const int64_t real : {0, 1}) {
    const auto loss = real_anchor_contrastive_loss(file.tensor("con.features"), file.tensor("con.labels"), real);
    report.compare("adapter: contrastive loss, real = class " + std::to_string(real), loss.reshape({1}),
                   file.tensor("con.loss_real" + std::to_string(real)), kTolerance);
  }
}

}  // namespace

void check_downstream(Report& report) {
  check_vit(report);
  check_fas_head(report);
  check_adapter(report);
}

}  // namespace fsfm::selfcheck
