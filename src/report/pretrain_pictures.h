// Pictures of a few held-out faces for the page of a pretraining run: how faces are hidden, and where the encoder
// looks.
#pragma once

#include <span>
#include <vector>

#include "data/batch/pretrain_batch.h"
#include "data/dataset.h"
#include "media/image.h"
#include "media/preprocess.h"

namespace fsfm::report {

// One face a row: face | parsing map, where the data has one | several masks as training draws them. Faces that cannot
// be read are left out; empty without any.
Image mask_examples(const Dataset& faces, const PretrainBatchOptions& batch);

// Faces as the network sees them whole, those that cannot be read left out.
struct ExampleFaces {
  std::vector<float> images;  // [count, 3, side, side], normalised
  int count = 0, side = 0;
};
ExampleFaces example_faces(const Dataset& faces, const PretrainBatchOptions& batch);

// One face a row: face | attention of the last block's class token, mean over the heads | the same of single heads.
// attention: [count, heads, grid * grid].
Image attention_sheet(const ExampleFaces& faces, const Normalization& normalization, std::span<const float> attention,
                      int heads, int grid);

}  // namespace fsfm::report
