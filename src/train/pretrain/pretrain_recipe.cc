#include "train/pretrain/pretrain_recipe.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "base/class_options.h"
#include "base/error.h"
#include "masking/masking.h"
#include "nn/losses.h"
#include "train/schedule.h"

namespace fsfm {

void PretrainRecipe::declare(Options& options) {
  constexpr const char *kData = "Data", *kNetwork = "Network", *kTask = "Task", *kLearning = "Learning";
  options.add("data", data, "prepared datasets or plain folders of face crops; several are mixed")
      .required()
      .group(kData);
  options.add("val-data", val_data, "held-out faces (default: the val split, else --val-fraction of the data)")
      .group(kData);
  options.add("split", split, "split to learn from (default: train if there is one, else everything)").group(kData);
  add_class_options_or_none(options, stated, kData);
  options.add("all-classes", all_classes, "learn from attack classes too, not from real faces only").group(kData);
  options.add("val-fraction", val_fraction, "share of the videos (or pictures) held out").range(0, 0.5).group(kData);
  options.add("val-samples", val_samples, "held-out faces evaluated at most").range(1, 1e9).group(kData);
  options.add("max-samples", max_samples, "learn from a seeded draw of this many faces (0 = all)")
      .range(0, 1e12)
      .group(kData);
  options.add("normalization", normalization, "pixel mean and deviation: of this dataset or of a well-known one")
      .choices({"dataset", "imagenet", "vggface2"})
      .group(kData);
  options.add("augment", augment, "random crop and flip of picture and region map together").group(kData);

  options.add("model", model, "size of the network")
      .choices({"tiny", "small", "base", "large", "huge"})
      .group(kNetwork);
  options.add("img-size", img_size, "side of the network's input").range(16, 2048).group(kNetwork);
  options.add("patch-size", patch_size, "side of a patch (0 = the model's own)").range(0, 64).group(kNetwork);
  options.add("decoder-dim", decoder_dim, "width of the pixel decoder (0 = the model's own)")
      .range(0, 4096)
      .group(kNetwork);
  options.add("decoder-depth", decoder_depth, "blocks of the pixel decoder (0 = the model's own)")
      .range(0, 64)
      .group(kNetwork);
  options.add("init", init, "start from the weights of this file (.safetensors, .pth or a folder)").group(kNetwork);
  options.add("weights-key", weights_key, "which network of an --init that holds several, e.g. model_ema or teacher")
      .group(kNetwork);
  options.add("num-heads", num_heads, "attention heads of the encoder (0 = those of --init, else the model's own)")
      .range(0, 256)
      .group(kNetwork);

  options.add("mask-strategy", mask_strategy, "which patches are hidden")
      .choices({"random", "fasking-i", "frp", "crfr-r", "crfr-p"})
      .group(kTask);
  options.add("mask-ratio", mask_ratio, "share of hidden patches").range(0.05, 0.95).group(kTask);
  options.add("region-scope", region_scope, "draw the covered region per image, or one per batch as the authors do")
      .choices({"image", "batch"})
      .group(kTask);
  options.add("norm-pix", norm_pix, "predict pixels normalised per patch").group(kTask);
  options.add("region-loss", region_loss, "L_region, the error inside the covered region").group(kTask);
  options.add("region-weight", region_weight, "weight of L_region").range(0, 1000).group(kTask);
  options.add("similarity-loss", similarity_loss, "L_sim, agreement with the full view").group(kTask);
  options.add("similarity-weight", similarity_weight, "weight of L_sim").range(0, 1000).group(kTask);
  options.add("similarity", similarity, "form of L_sim")
      .choices({"simsiam", "byol", "infonce", "mocov3", "simclr"})
      .group(kTask);

  options.add("epochs", epochs, "passes over the data").range(1, 100000).group(kLearning);
  options.add("max-steps", max_steps, "this many steps instead of --epochs passes; the schedules end there")
      .range(0, 1e12)
      .group(kLearning);
  options.add("batch-size", batch_size, "faces a batch and process").range(1, 65536).group(kLearning);
  options.add("accumulate", accumulate, "batches a step").range(1, 65536).group(kLearning);
  options.add("blr", blr, "base learning rate for an effective batch of 256").range(0, 10).group(kLearning);
  options.add("lr", lr, "peak learning rate (0 = blr * effective batch / 256)").range(0, 10).group(kLearning);
  options.add("min-lr", min_lr, "learning rate at the end").range(0, 10).group(kLearning);
  options.add("warmup-epochs", warmup_epochs, "epochs of linear warm-up (-1 = a tenth of the run, 40 at most)")
      .range(-1, 100000)
      .group(kLearning);
  options.add("weight-decay", weight_decay, "of matrices; 1-D parameters have none").range(0, 10).group(kLearning);
  options.add("beta2", beta2, "AdamW's second decay rate").range(0, 0.99999).group(kLearning);
  options.add("clip", clip, "largest gradient norm (0 = no clipping)").range(0, 1e9).group(kLearning);
  options.add("ema-momentum", ema_momentum, "first momentum of the target network; it rises to 1")
      .range(0, 1)
      .group(kLearning);
  options
      .add("compat", compat,
           "the authors' behaviour: target moves at every batch, one region a batch, zero rep positions")
      .group(kLearning);

  declare_run(options);
}

void PretrainRecipe::check() const {
  const FsfmConfig config = network();
  config.check();
  if (img_size % config.encoder.patch_size != 0)
    throw Error("--img-size " + std::to_string(img_size) + " is no multiple of the patch side " +
                    std::to_string(config.encoder.patch_size),
                "choose a multiple");
  check_run();
  if (warmup_epochs >= epochs)
    throw Error(
        fmt::format("--warmup-epochs {:g}", warmup_epochs) + " leaves nothing of --epochs " + std::to_string(epochs),
        "use a shorter warm-up, e.g. a tenth of the epochs");
  if (similarity_loss && compares_faces(parse_similarity_loss(similarity)) && batch_size < 2)
    throw Error("--similarity " + similarity + " compares the faces of a batch", "use --batch-size 2 or more");
}

FsfmConfig PretrainRecipe::network() const {
  FsfmConfig config = FsfmConfig::named(model);
  config.encoder.img_size = img_size;
  if (patch_size > 0) config.encoder.patch_size = patch_size;
  if (num_heads > 0) config.encoder.num_heads = num_heads;
  config.encoder.layer_norm_eps = layer_norm_eps;
  if (decoder_dim > 0) {
    config.decoder_embed_dim = decoder_dim;
    while (decoder_dim % config.decoder_num_heads != 0) config.decoder_num_heads /= 2;
  }
  if (decoder_depth > 0) config.decoder_depth = decoder_depth;
  return config;
}

double PretrainRecipe::warmup() const { return warmup_epochs >= 0 ? warmup_epochs : std::min(40.0, epochs / 10.0); }

double PretrainRecipe::peak_lr(int world_size) const {
  return lr > 0 ? lr : LearningRate::scaled(blr, int64_t{batch_size} * accumulate * world_size);
}

}  // namespace fsfm
