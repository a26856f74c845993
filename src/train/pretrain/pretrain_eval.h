// How well hidden patches of held-out faces are predicted, in figures and in pictures.
#pragma once

#include "data/batch/pretrain_batch.h"
#include "data/dataset.h"
#include "media/image.h"
#include "nn/fsfm_net.h"
#include "nn/precision.h"

namespace fsfm {

// Mean squared errors over the hidden patches. The baseline paints every hidden patch with its own true mean colour: a
// network that beats it has learned what faces look like, not only how bright they are.
struct ReconstructionReport {
  double pixel_mse = 0, pixel_baseline = 0;  // in normalised pixels (units: the dataset's standard deviation)
  double patch_mse = 0, patch_baseline = 0;  // in pixels normalised per patch, where the baseline is nearly 1
  double region_mse = 0;                     // patch_mse over M_fr alone
  int64_t faces = 0, unreadable = 0;         // judged, and left out because they cannot be read

  double pixel_ratio() const { return pixel_baseline > 0 ? pixel_mse / pixel_baseline : 0; }
  double patch_ratio() const { return patch_baseline > 0 ? patch_mse / patch_baseline : 0; }
};

struct ReconstructionOptions {
  PretrainBatchOptions batch;  // masks are drawn from a fixed seed, the same at every call
  bool norm_pix =
      true;  // what the network predicts; per-patch predictions get the patch's true mean and deviation back
  Precision precision = Precision::fp32;
  int batch_size = 16, workers = 0;
  UnreadableSamples* unreadable = nullptr;  // such faces are left out and noted; null: they are an Error
};

ReconstructionReport evaluate_reconstruction(FsfmOnline& online, torch::Device device, const Dataset& faces,
                                             const ReconstructionOptions& options);

// One row per face (the first `count`, of which those that cannot be read are left out; empty without any): original |
// what the network sees | reconstruction pasted into the original.
Image reconstruction_sheet(FsfmOnline& online, torch::Device device, const Dataset& faces,
                           const ReconstructionOptions& options, int count);

}  // namespace fsfm
