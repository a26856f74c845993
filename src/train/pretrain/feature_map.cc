#include "train/pretrain/feature_map.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "data/batch/eval_batch.h"
#include "model/model_file.h"
#include "nn/weights.h"
#include "train/data_split.h"

namespace fsfm {

Vit frozen_encoder(const FsfmOnline& online, torch::Device device) {
  VitConfig config = online->config.encoder;
  config.num_classes = 0;
  config.global_pool = "avg";
  Vit encoder(config);
  LoadOptions load;
  load.may_miss = {"fc_norm."};
  load.allow_unused = true;
  load_weights(*encoder, ModuleTensors(*online).map(), load);
  encoder->to(device);
  encoder->eval();
  return encoder;
}

std::vector<report::PointGroup> feature_map(const FsfmOnline& online, torch::Device device, Precision precision,
                                            const Normalization& normalization,
                                            const std::vector<std::shared_ptr<const Dataset>>& datasets, int64_t most) {
  constexpr int kBatch = 16;
  torch::NoGradGuard no_grad;
  Vit encoder = frozen_encoder(online, device);
  EvalBatchOptions batch_options;
  batch_options.transform = Transform::parse(whole_view(encoder->config.img_size));
  batch_options.normalization = normalization;
  std::vector<std::string> classes;  // of each face
  std::vector<torch::Tensor> rows;
  UnreadableSamples left_out;  // a picture of many points: the run itself reports what it cannot read
  for (const auto& whole : datasets) {
    const auto dataset = draw_samples(whole, most, /*seed=*/0);
    LoaderOptions order;
    order.batch_size = kBatch;
    order.workers = 0;
    order.shuffle = order.drop_last = false;
    order.unreadable = &left_out;
    order.replace_unreadable = false;
    Loader loader(*dataset, order, make_eval_filler(batch_options), make_eval_batch(batch_options, kBatch));
    loader.start(0);
    while (auto batch = loader.next()) {
      PrecisionScope scope(precision, device);
      const auto images = torch::from_blob(batch->images.data(), {batch->size, 3, batch->side, batch->side}).to(device);
      rows.push_back(encoder->forward_features(images).to(torch::kFloat).to(torch::kCPU));  // [B,D]
      for (const int64_t label : batch->labels) classes.push_back(dataset->info().classes[static_cast<size_t>(label)]);
    }
  }
  if (classes.size() < 3) return {};
  auto features = torch::cat(rows);  // [N,D]
  features = features - features.mean(0, true);
  const auto directions = std::get<2>(torch::linalg_svd(features, /*full_matrices=*/false)).narrow(0, 0, 2);  // [2,D]
  const auto flat = features.matmul(directions.t()).to(torch::kDouble).contiguous();                          // [N,2]
  std::vector<report::PointGroup> groups;
  for (size_t i = 0; i < classes.size(); ++i) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.name == classes[i]; });
    if (group == groups.end())
      group = groups.insert(groups.end(), {classes[i], {}, {}, static_cast<int>(groups.size())});
    group->x.push_back(flat.data_ptr<double>()[2 * i]);
    group->y.push_back(flat.data_ptr<double>()[2 * i + 1]);
  }
  return groups;
}

torch::Tensor class_attention(const FsfmOnline& online, torch::Device device, const torch::Tensor& images) {
  torch::NoGradGuard no_grad;
  return frozen_encoder(online, device)->class_attention(images.to(device)).to(torch::kCPU).contiguous();
}

}  // namespace fsfm
