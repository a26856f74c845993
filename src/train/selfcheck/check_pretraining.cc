// Checkpoints, forward pass, losses, gradients and five training steps of the production learner
// (train/pretrain/pretrain_step.h) against tiny-online.pth, tiny-target.pth and tiny-pretrain.safetensors.
#include "base/error.h"
#include "nn/fsfm_net.h"
#include "nn/losses.h"
#include "nn/weights.h"
#include "tensorio/pth.h"
#include "train/pretrain/pretrain_step.h"
#include "train/selfcheck/golden.h"

namespace fsfm::selfcheck {
namespace {

constexpr double kForward = 2e-5, kLosses = 1e-5, kGradients = 1e-4, kWeights = 1e-4;

PretrainStepOptions step_options(const GoldenFile& file) {
  const nlohmann::json hyper = file.metadata("hyper");
  PretrainStepOptions options;
  options.network = FsfmConfig::from_json(file.metadata("config"));
  options.objective.region_weight = hyper.at("weight_sfr");
  options.objective.similarity_weight = hyper.at("weight_cl");
  options.weight_decay = hyper.at("weight_decay");
  options.beta2 = hyper.at("betas").at(1);
  options.clip = hyper.at("clip_grad");
  return options;
}

// The reference run, and our learner, which takes over the weights it began with.
struct Run {
  GoldenFile file;
  Communicator alone;
  PretrainLearner learner;
  double lr;
  torch::Tensor images, masks, regions;  // [steps,B,3,S,S], [steps,B,L] bytes

  explicit Run(const Report& report)
      : file(report.open("tiny-pretrain.safetensors")),
        learner(step_options(file), torch::kCPU, alone),
        lr(file.metadata("hyper").at("lr")),
        images(file.tensor("images").contiguous()),
        masks(file.tensor("masks").to(torch::kByte).contiguous()),
        regions(file.tensor("sfr_masks").to(torch::kByte).contiguous()) {}

  int64_t steps() const { return images.size(0); }
  // What the loader would hand over in this step.
  Batch batch(int64_t step) const {
    const auto values = [](const torch::Tensor& one, auto* begin) { return std::vector(begin, begin + one.numel()); };
    Batch batch;
    batch.size = static_cast<int>(images.size(1));
    batch.side = static_cast<int>(images.size(3));
    batch.images = values(images[step], images[step].data_ptr<float>());
    batch.masked = values(masks[step], masks[step].data_ptr<uint8_t>());
    batch.region = values(regions[step], regions[step].data_ptr<uint8_t>());
    return batch;
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
  FsfmOnline& online = run.learner.online();
  const FsfmConfig& config = run.learner.options().network;
  const Batch batch = run.batch(0);
  const auto images = run.images[0];
  const auto mask = MaskIndices::from_masks(batch.masked, batch.region, batch.size, config.encoder.patches());
  const auto ids = run.file.tensor("ids_restore");
  // The first V places of the shuffle must hold exactly the patches that we keep.
  const auto kept = ids.lt(mask.visible.size(1)).to(torch::kByte);
  report.compare("forward: visible patches", 1 - run.masks[0], kept, 0.0);

  torch::NoGradGuard no_grad;
  const auto out = online(images, mask);
  const auto target = run.learner.target()(images);
  const auto pred = online->predict_all(images, mask);
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
  const auto pixels = reconstruction_loss(out.pred, images, mask, config.encoder.patch_size, /*norm_pix=*/false);
  report.compare("loss: pixels without normalisation", torch::stack({pixels.masked, pixels.region}),
                 run.file.tensor("loss_rec_pixel"), kLosses);
}

void check_steps(Report& report, Run& run) {
  const auto trajectory = run.file.tensor("trajectory");  // [steps,6]
  std::map<std::string, torch::Tensor> losses, expected;
  for (int64_t step = 0; step < run.steps(); ++step) {
    const std::vector<Batch> batches{run.batch(step)};
    const PretrainLosses seen = run.learner.step(batches, run.lr, trajectory[step][5].item<double>());
    if (step == 0) {  // the gradients stay until the next step, as they were before clipping
      std::map<std::string, torch::Tensor> gradients;
      for (const auto& item : run.learner.online()->named_parameters()) {
        if (item.value().grad().defined()) gradients[item.key()] = item.value().grad().clone();
      }
      report.compare_all("gradients (relative to the largest of each)", gradients,
                         to_torch_map(run.file.with_prefix("grad.")), kGradients, /*relative_to_largest=*/true);
    }
    losses[std::to_string(step)] =
        torch::tensor({seen.masked, seen.region, seen.similarity, seen.total, seen.grad_norm}, torch::kDouble);
    expected[std::to_string(step)] = trajectory[step].slice(0, 0, 5);
  }
  report.compare_all("training: losses and gradient norm of each step", losses, expected, kLosses);
  const auto check_weights = [&](const std::string& name, const torch::nn::Module& module, const std::string& prefix) {
    std::map<std::string, torch::Tensor> ours;
    for (const auto& item : module.named_parameters()) ours[item.key()] = item.value().detach();
    report.compare_all(name, ours, to_torch_map(run.file.with_prefix(prefix)), kWeights);
  };
  check_weights("training: online weights after all steps", *run.learner.online(), "online_after.");
  check_weights("training: target weights after all steps", *run.learner.target(), "target_after.");
}

}  // namespace

void check_pretraining(Report& report) {
  Run run(report);
  FsfmOnline& online = run.learner.online();
  const auto fresh = run.learner.target()->named_parameters()["pos_embed"].clone();
  check_checkpoint(report, "tiny-online.pth", *online);
  check_checkpoint(report, "tiny-target.pth", *run.learner.target());
  report.compare("positions: sin-cos table", fresh, online->named_parameters()["pos_embed"], 1e-6);
  check_forward(report, run);
  check_steps(report, run);
}

}  // namespace fsfm::selfcheck
