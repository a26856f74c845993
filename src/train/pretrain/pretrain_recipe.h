// Every setting of a pretraining run, declared once: command line, TOML recipe, checkpoint and model card read this
// list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/class_names.h"
#include "nn/fsfm_net.h"
#include "train/run_settings.h"

namespace fsfm {

// Defaults are the paper's (method.md section 4) except for the sizes, which suit one machine.
struct PretrainRecipe : RunSettings {
  // Data
  std::vector<std::filesystem::path> data, val_data;
  std::string split;         // "" = train when there is one, else everything
  ClassStatement stated;     // what the user says of the classes
  bool all_classes = false;  // also attack classes (the method learns from real faces)
  double val_fraction = 0.05;
  int64_t max_samples = 0, val_samples = 256;
  std::string normalization = "dataset";  // dataset | imagenet | vggface2
  bool augment = false;

  // Network
  std::string model = "base";
  int img_size = 224, patch_size = 0;
  int decoder_dim = 0, decoder_depth = 0;  // 0 = the model's own
  int num_heads = 0;                       // 0 = those of init, else the model's own
  double layer_norm_eps = 1e-6;            // that of init; no option
  std::filesystem::path init;              // pretrained weights to start from
  std::string weights_key;                 // of an init that holds several networks

  // Task
  std::string mask_strategy = "crfr-p", region_scope = "image", similarity = "simsiam";
  double mask_ratio = 0.75;
  bool norm_pix = true, region_loss = true, similarity_loss = true;
  double region_weight = 0.007, similarity_weight = 0.1;

  // Optimisation
  int epochs = 400, batch_size = 64, accumulate = 1;
  int64_t max_steps = 0;
  double blr = 1.5e-4, lr = 0.0, min_lr = 0.0, weight_decay = 0.05, warmup_epochs = -1, clip = 1.0;
  double beta2 = 0.95, ema_momentum = 0.996;
  bool compat = false;

  void declare(Options& options);
  // Checks what single options cannot see; throws Error naming the options that do not fit together.
  void check() const;
  FsfmConfig network() const;
  double peak_lr(int world_size) const;
  double warmup() const;  // epochs: --warmup-epochs, or the paper's tenth of the run, 40 at most
};

}  // namespace fsfm
