// Checkpoints, forward pass, losses, gradients and five training steps against tiny-online.pth, tiny-target.pth and
// tiny-pretrain.safetensors.
#include "base/error.h"
#include "nn/fsfm_net.h"
#include "nn/losses.h"
#include "nn/weights.h"
#include "tensorio/pth.h"
#include "train/adamw.h"
#include "train/selfcheck/golden.h"

namespace fsfm::selfcheck {
namespace {

constexpr double kForward = 2e-5, kLosses = 1e-5, kGradients = 1e-4, kWeights = 1e-4;

// The reference run, and our networks with the weights it began with.
struct Run {
  GoldenFile file;
  FsfmConfig config;
  nlohmann::json hyper;
  FsfmOnline online;
  FsfmTarget target;
  torch::Tensor images, masks, regions;  // [steps,B,3,S,S], [steps,B,L] bytes

  explicit Run(const Report& report)
      : file(report.open("tiny-pretrain.safetensors")),
        config(FsfmConfig::from_json(file.metadata("config"))),
        hyper(file.metadata("hyper")),
        online(config),
        target(config),
        images(file.tensor("images")),
        masks(file.tensor("masks").to(torch::kByte).contiguous()),
        regions(file.tensor("sfr_masks").to(torch::kByte).contiguous()) {}

  int64_t steps() const { return images.size(0); }
  MaskIndices mask(int64_t step) const {
    const auto bytes = [&](const torch::Tensor& all) {
      const auto one = all[step];
      return std::span<const uint8_t>(one.data_ptr<uint8_t>(), static_cast<size_t>(one.numel()));
    };
    return MaskIndices::from_masks(bytes(masks), bytes(regions), static_cast<int>(masks.size(1)),
                                   static_cast<int>(masks.size(2)));
  }
};

void check_checkpoint(Report& report, const std::string& name, torch::nn::Module& module) {
  const auto path = report.path(name);
  const PthFile file = read_pth(path);
  const TensorMap weights = state_dict(file);
  load_weights(module, weights, {.source = path.string()});
  std::map<std::string, torch::Tensor> ours;
  for (const auto& item : module.named_parameters()) ours[item.key()] = item.value().detach();
  report.compare_all("checkpoint: " + name, ours, to_torch_map(weights), 0.0);
  const PickleValue* args = file.root().find("args");
  report.require("checkpoint: " + name + " args stay data", args != nullptr && args->is(PickleValue::Kind::object));
}

// Rows of `latent` [B,1+V,D], which follow the reference's shuffle, put in the ascending order of ours.
torch::Tensor ascending(const torch::Tensor& latent, const torch::Tensor& ids_restore, const torch::Tensor& visible) {
  const auto rows = ids_restore.gather(1, visible) + 1;  // [B,V]
  const auto all = torch::cat({torch::zeros({rows.size(0), 1}, rows.options()), rows}, 1);
  return latent.gather(1, all.unsqueeze(-1).expand({-1, -1, latent.size(2)}));
}

void check_forward(Report& report, Run& run) {
  const auto images = run.images[0];
  const MaskIndices mask = run.mask(0);
  const auto ids = run.file.tensor("ids_restore");
  // The first V places of the shuffle must hold exactly the patches that we keep.
  const auto kept = ids.lt(mask.visible.size(1)).to(torch::kByte);
  report.compare("forward: visible patches", 1 - run.masks[0], kept, 0.0);

  torch::NoGradGuard no_grad;
  const auto out = run.online(images, mask);
  const auto target = run.target(images);
  const auto pred = run.online->predict_all(images, mask);
  report.compare("forward: latent", out.latent, ascending(run.file.tensor("latent"), ids, mask.visible), kForward);
  report.compare("forward: rep", out.rep, run.file.tensor("rep"), kForward);
  report.compare("forward: online projection", out.projection, run.file.tensor("online_projection"), kForward);
  // The reference keeps what its loss saw: features scaled to unit length.
  const auto unit = [](const torch::Tensor& x) { return torch::nn::functional::normalize(x); };
  report.compare("forward: online feature", unit(out.feature), run.file.tensor("online_feature"), kForward);
  report.compare("forward: target feature", unit(target), run.file.tensor("target_feature"), kForward);
  report.compare("forward: predicted pixels", pred, run.file.tensor("pred"), kForward);
  const auto hidden = mask.hidden.unsqueeze(-1).expand({-1, -1, pred.size(2)});
  report.compare("forward: hidden patches alone", out.pred, run.file.tensor("pred").gather(1, hidden), kForward);

  for (const char* name : {"simsiam", "byol", "infonce", "mocov3", "simclr"}) {
    const auto loss = similarity_loss(parse_similarity_loss(name), out.feature, target);
    report.compare(std::string("loss: ") + name, loss.reshape({1}), run.file.tensor(std::string("loss_") + name),
                   kLosses);
  }
  const auto pixels = reconstruction_loss(out.pred, images, mask, run.config.encoder.patch_size, /*norm_pix=*/false);
  report.compare("loss: pixels without normalisation", torch::stack({pixels.masked, pixels.region}),
                 run.file.tensor("loss_rec_pixel"), kLosses);
}

void check_steps(Report& report, Run& run) {
  const auto trajectory = run.file.tensor("trajectory");  // [steps,6]
  const auto& hyper = run.hyper;
  const auto betas = hyper.at("betas").get<std::vector<double>>();
  AdamW optimizer(decay_groups(*run.online, hyper.at("weight_decay").get<double>()),
                  {.beta1 = betas.at(0), .beta2 = betas.at(1)});
  std::map<std::string, torch::Tensor> losses, expected;
  for (int64_t step = 0; step < run.steps(); ++step) {
    const auto images = run.images[step];
    const MaskIndices mask = run.mask(step);
    const auto out = run.online(images, mask);
    const auto pixels = reconstruction_loss(out.pred, images, mask, run.config.encoder.patch_size, /*norm_pix=*/true);
    const auto similarity = similarity_loss(SimilarityLoss::simsiam, out.feature, run.target(images));
    const auto total = pixels.masked + hyper.at("weight_sfr").get<double>() * pixels.region +
                       hyper.at("weight_cl").get<double>() * similarity;
    optimizer.zero_grad();
    total.backward();
    if (step == 0) {
      std::map<std::string, torch::Tensor> gradients;
      for (const auto& item : run.online->named_parameters()) {
        if (item.value().grad().defined()) gradients[item.key()] = item.value().grad().clone();
      }
      report.compare_all("gradients (relative to the largest of each)", gradients,
                         to_torch_map(run.file.with_prefix("grad.")), kGradients, /*relative_to_largest=*/true);
    }
    const double norm = optimizer.grad_norm();
    const double momentum = trajectory[step][5].item<double>();
    optimizer.step(hyper.at("lr").get<double>(), clip_factor(norm, hyper.at("clip_grad").get<double>()));
    ema_update(run.online, run.target, momentum);
    const auto row = torch::stack({pixels.masked, pixels.region, similarity, total}).to(torch::kDouble);
    losses[std::to_string(step)] = torch::cat({row, torch::full({1}, norm, torch::kDouble)}).detach();
    expected[std::to_string(step)] = trajectory[step].slice(0, 0, 5);
  }
  report.compare_all("training: losses and gradient norm of each step", losses, expected, kLosses);
  const auto check_weights = [&](const std::string& name, const torch::nn::Module& module, const std::string& prefix) {
    std::map<std::string, torch::Tensor> ours;
    for (const auto& item : module.named_parameters()) ours[item.key()] = item.value().detach();
    report.compare_all(name, ours, to_torch_map(run.file.with_prefix(prefix)), kWeights);
  };
  check_weights("training: online weights after all steps", *run.online, "online_after.");
  check_weights("training: target weights after all steps", *run.target, "target_after.");
}

}  // namespace

void check_pretraining(Report& report) {
  Run run(report);
  const auto fresh = FsfmTarget(run.config)->named_parameters()["pos_embed"];
  check_checkpoint(report, "tiny-online.pth", *run.online);
  check_checkpoint(report, "tiny-target.pth", *run.target);
  report.compare("positions: sin-cos table", fresh, run.online->named_parameters()["pos_embed"], 1e-6);
  check_forward(report, run);
  check_steps(report, run);
}

}  // namespace fsfm::selfcheck
