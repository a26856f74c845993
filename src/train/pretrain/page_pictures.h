// Pictures of a few held-out faces for the page of a pretraining run: how faces are hidden, and where the encoder
// looks.
#pragma once

#include "data/batch/pretrain_batch.h"
#include "data/dataset.h"
#include "media/image.h"
#include "nn/fsfm_net.h"

namespace fsfm {

// Faces that cannot be read are left out; empty without any.
// One face a row: face | parsing map, where the data has one | several
// masks as training draws them.
Image mask_examples(const Dataset& faces, const PretrainBatchOptions& batch);

// One face a row: face | attention of the last block's class token, mean over the heads | the same
// of single heads.
Image attention_sheet(const FsfmOnline& online, torch::Device device, const Dataset& faces,
                      const PretrainBatchOptions& batch);

}  // namespace fsfm
