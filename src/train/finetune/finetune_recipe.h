// Every setting of a fine-tuning run, declared once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/class_names.h"
#include "train/run_settings.h"

namespace fsfm {

// Numbers below 0 and "task" stand for "as the task's published recipe has it"; resolve() fills them in.
struct FinetuneRecipe : RunSettings {
  FinetuneRecipe() { keep = 1; }  // a checkpoint holds the best weights too

  // Data
  std::vector<std::filesystem::path> data, val_data;
  double val_fraction = 0.1;
  int val_batch_size = 32;
  int64_t max_samples = 0;
  bool balance = false;
  ClassStatement stated;  // what the user says of the classes; else their names do

  // Network
  std::string task = "dfd", init, method = "full", model, global_pool = "task";
  int img_size = 0, num_heads = 0;
  std::string weights_key;  // of an init that holds several networks
  double drop_path = -1;
  std::string normalization = "init";  // init | dataset | imagenet

  // Augmentation
  double mixup = -1, cutmix = -1, smoothing = -1, erasing = -1, min_area = -1, saturation = -1;
  std::string rand_augment = "task";  // task | on | off
  double tilt = 0, tint = 0, degrade = 0, degrade_most = 3, self_blend = 0;

  // Optimisation
  int epochs = -1, batch_size = -1, accumulate = 1, per_domain = 12;
  int64_t max_steps = -1;
  double blr = -1, lr = 0, min_lr = 1e-6, weight_decay = -1, layer_decay = -1, warmup_epochs = -1, clip = 0;
  double contrastive_weight = -1, weight_ema = 0;
  bool own_warmup = false;  // resolve(): --warmup-epochs was given, so it is kept as it is
  std::string optimizer = "task";

  void declare(Options& options);
  // Fills in the task's own values and checks what single options cannot see; throws Error naming what does not fit.
  void resolve();
  // Batches balanced by domain, and one learning rate throughout: the full recipe of fas.
  bool per_domain_batches() const { return task == "fas" && method == "full"; }
  double peak_lr(int64_t effective_batch) const;
  // Of a run of `epochs`: the task's own warm-up is a fifth of it at most (the published one is half of ten epochs),
  // one that the user gave is kept. Throws Error when that is longer than the run.
  double warmup(double epochs) const;
};

}  // namespace fsfm
