// The FS-Adapter of FS-VFM (method.md section 4): a small bottleneck on a frozen backbone, and its contrastive loss.
#pragma once

#include "nn/vit.h"

namespace fsfm {

inline constexpr int kAdapterReduction = 4;

// Linear d->d/4, ReLU, Linear d/4->d, ReLU; no biases.
// Threads and ownership: as every module of nn/ (nn/vit.h).
struct AdapterImpl : torch::nn::Module {
  explicit AdapterImpl(int dim, int reduction = kAdapterReduction);
  torch::Tensor squeeze(const torch::Tensor& x);        // [B,D] -> [B,D/4]
  torch::Tensor expand(const torch::Tensor& squeezed);  // [B,D/4] -> [B,D]
  torch::nn::Linear linear1{nullptr}, linear2{nullptr};
};
TORCH_MODULE(Adapter);

struct AdapterOutput {
  torch::Tensor logits;     // [B,num_classes], head on concat[x, adapter(x)]
  torch::Tensor projected;  // [B,D/4], unit length, for the contrastive loss
};

// A Vit whose backbone is frozen from the start; `adapter`, `projector` and `head` (2*D wide) learn. global_pool is avg
// or token.
struct AdapterVitImpl : VitImpl {
  explicit AdapterVitImpl(const VitConfig& config);
  AdapterOutput forward_adapter(const torch::Tensor& images);
  torch::Tensor forward(const torch::Tensor& images);  // logits

 private:
  Adapter adapter_{nullptr};
  torch::nn::Linear projector_{nullptr};
};
TORCH_MODULE(AdapterVit);

// Real-anchor contrastive loss: a supervised contrastive loss in which only real faces attract each other and fakes are
// negatives. projected [B,P] of unit length, labels [B] int64; real_label: the class that means "real".
torch::Tensor real_anchor_contrastive_loss(const torch::Tensor& projected, const torch::Tensor& labels,
                                           int64_t real_label, double temperature = 0.07);

}  // namespace fsfm
