// Schedules, parameter groups and layer decay against schedules.json, tiny-param-groups.json and layer-decay.json.
#include <set>

#include "nn/fsfm_net.h"
#include "train/param_groups.h"
#include "train/schedule.h"
#include "train/selfcheck/golden.h"

namespace fsfm::selfcheck {
namespace {

constexpr double kScheduleTolerance = 1e-12, kGroupTolerance = 1e-9;
constexpr double kWeightDecay = 0.05, kLayerDecay = 0.65;

void check_schedules(Report& report) {
  const auto json = report.open_json("schedules.json");
  const auto& lr = json.at("lr");
  const auto& args = lr.at("args");
  const LearningRate rate{.peak = args.at("lr").get<double>(),
                          .min_lr = args.at("min_lr").get<double>(),
                          .warmup_epochs = args.at("warmup_epochs").get<double>(),
                          .epochs = args.at("epochs").get<double>()};
  double worst = 0.0;
  for (size_t i = 0; i < lr.at("epochs").size(); ++i) {
    worst = std::max(
        worst, largest_difference(rate.at(lr.at("epochs").at(i).get<double>()), lr.at("value").at(i).get<double>()));
  }
  report.measured("schedule: learning rate", worst, kScheduleTolerance);

  const auto& golden = json.at("momentum");
  const EmaMomentum momentum{
      .base = golden.at("base").get<double>(),
      .final = golden.at("final").get<double>(),
      .iterations = golden.at("epochs").get<int64_t>() * golden.at("iters_per_epoch").get<int64_t>()};
  worst = 0.0;
  for (size_t i = 0; i < golden.at("value").size(); ++i) {
    worst = std::max(worst,
                     largest_difference(momentum.at(static_cast<int64_t>(i)), golden.at("value").at(i).get<double>()));
  }
  report.measured("schedule: EMA momentum", worst, kScheduleTolerance);
}

void check_param_groups(Report& report) {
  const auto json = report.open_json("tiny-param-groups.json");
  const FsfmOnline online(FsfmConfig::from_json(report.open("tiny-pretrain.safetensors").metadata("config")));
  std::set<std::string> no_decay, frozen;
  for (const auto& group : decay_groups(*online, kWeightDecay)) {
    if (group.weight_decay == 0.0) no_decay.insert(group.names.begin(), group.names.end());
  }
  for (const auto& item : online->named_parameters()) {
    if (!item.value().requires_grad()) frozen.insert(item.key());
  }
  report.require("parameter groups: without decay", no_decay == json.at("no_decay").get<std::set<std::string>>());
  report.require("parameter groups: frozen", frozen == json.at("frozen").get<std::set<std::string>>());
}

void check_layer_decay(Report& report) {
  const auto json = report.open_json("layer-decay.json");
  const auto config = VitConfig::from_json(report.open("tiny-vit.safetensors").metadata("config"));
  const Vit vit(config);
  double worst = 0.0;
  size_t seen = 0;
  for (const auto& group : layer_decay_groups(*vit, config.depth, kWeightDecay, kLayerDecay)) {
    for (const auto& name : group.names) {
      if (!json.contains(name)) return report.fail("layer decay", "the reference does not know '" + name + "'");
      const auto& expected = json.at(name);
      worst = std::max({worst, largest_difference(group.lr_scale, expected.at("lr_scale").get<double>()),
                        largest_difference(group.weight_decay, expected.at("weight_decay").get<double>())});
      ++seen;
    }
  }
  report.measured("layer decay: learning-rate scale and weight decay", worst, kGroupTolerance);
  report.measured("layer decay: parameters without a partner",
                  static_cast<double>(json.size()) - static_cast<double>(seen), 0.0);
}

}  // namespace

void check_optimisation(Report& report) {
  check_schedules(report);
  check_param_groups(report);
  check_layer_decay(report);
}

}  // namespace fsfm::selfcheck
