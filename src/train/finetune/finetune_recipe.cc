#include "train/finetune/finetune_recipe.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "base/class_options.h"
#include "base/error.h"
#include "train/schedule.h"

namespace fsfm {
namespace {

template <class T>
void fill(T& value, T published) {
  if (value < 0) value = published;
}

void fill(std::string& value, const char* published) {
  if (value == "task") value = published;
}

}  // namespace

void FinetuneRecipe::declare(Options& options) {
  constexpr const char *kData = "Data", *kNetwork = "Network", *kAugmentation = "Augmentation", *kLearning = "Learning";
  options
      .add("task", task,
           "dfd: deepfakes; diff: diffusion forgeries; fas: presentation attacks; multi: every class by itself")
      .choices({"dfd", "diff", "fas", "multi"});
  options
      .add("init", init,
           "weights to start from: a model of ours, a ViT of others (.pth, .safetensors, a folder), or 'scratch'")
      .required();
  options.add("data", data, "prepared datasets or trees of class folders; for fas each one is a domain")
      .required()
      .group(kData);
  options.add("val-data", val_data, "validation data (default: the val split, else --val-fraction of the videos)")
      .group(kData);
  options.add("val-fraction", val_fraction, "share of the videos held out for validation")
      .range(0.01, 0.5)
      .group(kData);
  options.add("val-batch-size", val_batch_size, "pictures a validation batch").range(1, 65536).group(kData);
  options.add("max-samples", max_samples, "learn from a seeded draw of this many pictures (0 = all)")
      .range(0, 1e12)
      .group(kData);
  options
      .add("balance", balance, "show all classes equally often, and within a class small sources more than their share")
      .group(kData);
  add_class_options(options, stated, kData);

  options.add("method", method, "what learns: everything, the head only, or an FS-Adapter beside the frozen network")
      .choices({"full", "linear-probe", "adapter"})
      .group(kNetwork);
  options.add("model", model, "size for --init scratch")
      .choices({"tiny", "small", "base", "large", "huge"})
      .group(kNetwork);
  options.add("img-size", img_size, "side of the input (0 = as in --init)").range(0, 2048).group(kNetwork);
  options.add("num-heads", num_heads, "attention heads, where the file leaves them open (0 = what is known)")
      .range(0, 256)
      .group(kNetwork);
  options.add("weights-key", weights_key, "which network of an --init that holds several, e.g. model_ema or teacher")
      .group(kNetwork);
  options.add("global-pool", global_pool, "what the head reads")
      .choices({"task", "avg", "token", "fas"})
      .group(kNetwork);
  options.add("drop-path", drop_path, "stochastic depth of the last block (-1 = the task's)")
      .range(-1, 0.9)
      .group(kNetwork);
  options
      .add("normalization", normalization, "pixel mean and deviation: those of --init, of this dataset or ImageNet's")
      .choices({"init", "dataset", "imagenet"})
      .group(kNetwork);

  options.add("mixup", mixup, "alpha of mixup (0 = off, -1 = the task's)").range(-1, 10).group(kAugmentation);
  options.add("cutmix", cutmix, "alpha of CutMix (0 = off, -1 = the task's)").range(-1, 10).group(kAugmentation);
  options.add("smoothing", smoothing, "label smoothing (-1 = the task's)").range(-1, 0.9).group(kAugmentation);
  options.add("erasing", erasing, "chance of random erasing (-1 = the task's)").range(-1, 1).group(kAugmentation);
  options.add("min-area", min_area, "smallest part a random crop keeps, 1 = no crop (-1 = the task's)")
      .range(-1, 1)
      .group(kAugmentation);
  options.add("saturation", saturation, "HSV saturation jitter (-1 = the task's)").range(-1, 1).group(kAugmentation);
  options.add("rand-augment", rand_augment, "RandAugment m9 mstd0.5 inc1")
      .choices({"task", "on", "off"})
      .group(kAugmentation);
  options.add("tilt", tilt, "every second face is turned by up to this many degrees").range(0, 90).group(kAugmentation);
  options.add("tint", tint, "every second face is lit in colours: log gains of this deviation, from two sides")
      .range(0, 1)
      .group(kAugmentation);
  options.add("degrade", degrade, "chance of compression, blur, noise, ... (robustness)")
      .range(0, 1)
      .group(kAugmentation);
  options.add("degrade-most", degrade_most, "their largest strength, as in the sweep of fsfm evaluate --robust")
      .range(0, 5)
      .group(kAugmentation);
  options
      .add("self-blend", self_blend,
           "chance that a real face becomes a self-blended fake; real faces alone are then enough")
      .range(0, 1)
      .group(kAugmentation);

  options.add("epochs", epochs, "passes over the data (-1 = the task's)").range(-1, 100000).group(kLearning);
  options.add("max-steps", max_steps, "this many steps instead of --epochs passes (-1 = the task's)")
      .range(-1, 1e12)
      .group(kLearning);
  options
      .add("batch-size", batch_size,
           "pictures a batch and process (-1 = the task's); the full recipe of fas goes by --per-domain instead")
      .range(-1, 65536)
      .group(kLearning);
  options
      .add("per-domain", per_domain,
           "full recipe of fas: genuine, and as many attack, pictures of each domain a step (all processes together)")
      .range(1, 4096)
      .group(kLearning);
  options.add("accumulate", accumulate, "batches a step").range(1, 65536).group(kLearning);
  options.add("blr", blr, "base learning rate for an effective batch of 256 (-1 = the task's)")
      .range(-1, 10)
      .group(kLearning);
  options.add("lr", lr, "peak learning rate (0 = blr * effective batch / 256)").range(0, 10).group(kLearning);
  options.add("min-lr", min_lr, "learning rate at the end").range(0, 10).group(kLearning);
  options
      .add("warmup-epochs", warmup_epochs,
           "epochs of warm-up (-1 = the task's, at most a fifth of the run; one that is given is kept)")
      .range(-1, 10000)
      .group(kLearning);
  options.add("optimizer", optimizer, "the full recipe of fas uses Adam, everything else AdamW")
      .choices({"task", "adamw", "adam"})
      .group(kLearning);
  options.add("weight-decay", weight_decay, "of matrices, with Adam of everything (-1 = the task's)")
      .range(-1, 10)
      .group(kLearning);
  options.add("layer-decay", layer_decay, "learning rate factor from layer to layer (-1 = the task's)")
      .range(-1, 1)
      .group(kLearning);
  options.add("clip", clip, "largest gradient norm (0 = no clipping)").range(0, 1e9).group(kLearning);
  options
      .add("contrastive-weight", contrastive_weight,
           "adapter: weight of the real-anchor contrastive loss (-1 = the task's)")
      .range(-1, 100)
      .group(kLearning);
  options.add("weight-ema", weight_ema, "momentum of averaged weights, which are then validated and kept (0 = off)")
      .range(0, 0.99999)
      .group(kLearning);

  declare_run(options);
}

void FinetuneRecipe::resolve() {
  const bool fas = task == "fas", adapter = method == "adapter", probe = method == "linear-probe";
  const bool full_fas = per_domain_batches();
  // method.md section 4. The adapter has one recipe for all tasks; the probe learns a linear map, which needs no
  // taming.
  fill(epochs, adapter ? 50 : task == "diff" ? 50 : probe ? 20 : 10);
  fill(max_steps, full_fas ? int64_t{4000} : int64_t{0});
  fill(batch_size, adapter || task == "diff" ? 256 : 64);
  fill(blr, adapter ? 5e-3 : probe ? 1e-3 : task == "diff" ? 5e-4 : 2.5e-4);
  fill(weight_decay, adapter || probe ? 0.0 : fas ? 1e-6 : 0.05);
  fill(layer_decay, fas || adapter || probe ? 1.0 : 0.65);
  own_warmup = warmup_epochs >= 0;
  fill(warmup_epochs, full_fas ? 0.0 : 5.0);
  fill(drop_path, fas || adapter || probe ? 0.0 : 0.1);
  const bool strong = !fas && !adapter && !probe;
  fill(mixup, strong ? 0.8 : 0.0);
  fill(cutmix, strong ? 1.0 : 0.0);
  fill(smoothing, strong ? 0.1 : 0.0);
  fill(erasing, strong ? 0.25 : 0.0);
  fill(min_area, fas ? 1.0 : 0.08);
  fill(saturation, fas ? 0.2 : 0.0);
  fill(contrastive_weight, fas ? 0.1 : 0.01);
  fill(rand_augment, strong ? "on" : "off");
  fill(global_pool, fas && !adapter ? "fas" : "avg");
  fill(optimizer, full_fas ? "adam" : "adamw");
  if (full_fas && lr == 0) lr = 1e-4;

  if (init == "scratch" && model.empty())
    throw Error("--init scratch needs a size", "add --model tiny, small, base, large or huge");
  if (init == "scratch" && method != "full")
    throw Error("--method " + method + " freezes the network, which --init scratch leaves untrained",
                "give pretrained weights");
  if (adapter && global_pool == "fas")
    throw Error("--method adapter has a head of its own", "use --global-pool avg or token");
  if (batch_size == 0)
    throw Error("--batch-size 0 leaves nothing to learn from", "give 1 or more, or -1 for the task's own");
  if (epochs == 0 && max_steps == 0)
    throw Error("--epochs 0 would write an untrained detector", "give 1 or more, or -1 for the task's own");
  check_run();
  if (self_blend > 0 && task == "multi")
    throw Error("--self-blend makes fakes of one kind", "use it with --task dfd or diff");
}

double FinetuneRecipe::warmup(double run) const {
  if (!own_warmup) return epochs == 10 && max_steps == 0 ? warmup_epochs : std::min(warmup_epochs, run / 5);
  if (warmup_epochs > run)
    throw Error(fmt::format("--warmup-epochs {:g} is longer than the whole run of {:.3g} epochs", warmup_epochs, run),
                "give a shorter one, or -1 for the task's own, at most a fifth of the run");
  return warmup_epochs;
}

double FinetuneRecipe::peak_lr(int64_t effective_batch) const {
  return lr > 0 ? lr : LearningRate::scaled(blr, effective_batch);
}

}  // namespace fsfm
