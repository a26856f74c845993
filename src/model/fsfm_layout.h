// What a set of weights says about the FSFM pretraining network it belongs to: encoder, decoders and projector.
#pragma once

#include <nlohmann/json.hpp>

#include "model/model_file.h"
#include "tensorio/tensor.h"

namespace fsfm {

// The card's `config` of an online or target network, read from the tensors' shapes; the numbers of attention heads
// leave no trace in them and come from `stated` ("num_heads", "decoder_num_heads", "rep_decoder_num_heads"). Where
// `stated` has another size than the tensors show, and for a missing or misshaped tensor, throws Error.
nlohmann::json infer_fsfm_config(const TensorMap& tensors, const nlohmann::json& stated);

// True unless the recipe in the model's card says that plain pixels were predicted.
bool predicts_normalised_patches(const ModelCard& card);

}  // namespace fsfm
