#include "model/import_fold.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "model/tensor_shapes.h"

namespace fsfm {
namespace {

class Folder {
 public:
  Folder(TensorMap& tensors, bool values) : tensors_(tensors), values_(values) {}

  FoldResult run() {
    for (int i = 0; i < 1000 && tensors_.contains(block(i) + "norm1.weight"); ++i) ++depth_;
    join_projections();
    fold_layer_scales();
    fill_biases();
    complete_positions();
    widen_head();
    return std::move(result_);
  }

 private:
  static std::string block(int i) { return "blocks." + std::to_string(i) + "."; }

  void put(const std::string& name, Shape shape, DType dtype, std::vector<std::byte> bytes) {
    auto tensor = std::make_shared<HostTensor>(HostTensor{dtype, std::move(shape), std::move(bytes)});
    tensors_.insert_or_assign(name, tensor->view());
    result_.keep_alive.push_back(std::move(tensor));
  }
  void put_floats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    HostTensor tensor = values_ ? HostTensor::from_floats(shape, values) : HostTensor{DType::f32, shape, {}};
    put(name, std::move(tensor.shape), tensor.dtype, std::move(tensor.data));
  }
  void put_zeros(const std::string& name, const Shape& shape) {
    put_floats(name, shape,
               values_ ? std::vector<float>(static_cast<size_t>(element_count(shape)), 0.0f) : std::vector<float>{});
  }
  std::vector<float> floats(const std::string& name) const {
    return values_ ? tensors_.at(name).to_float() : std::vector<float>{};
  }

  // attn.q, attn.k, attn.v -> attn.qkv, rows in this order as timm keeps them.
  void join_projections() {
    for (int i = 0; i < depth_; ++i) {
      const std::string attention = block(i) + "attn.";
      if (!tensors_.contains(attention + "q.weight")) continue;
      if (tensors_.contains(attention + "qkv.weight"))
        throw Error("tensor '" + attention + "qkv.weight' stands beside '" + attention + "q.weight'");
      const Shape shape = shape_of(tensors_, attention + "q.weight");
      if (shape.size() != 2) throw Error("tensor '" + attention + "q.weight' has shape " + shape_text(shape));
      const int64_t width = shape[0];
      bool some_bias = false;
      for (const char* part : {"q", "k", "v"}) {
        expect_shape(tensors_, attention + part + ".weight", shape);
        const std::string bias = attention + part + ".bias";
        if (!tensors_.contains(bias)) continue;
        expect_shape(tensors_, bias, {width});
        some_bias = true;
      }
      std::vector<float> weight, bias;
      for (const char* part : {"q", "k", "v"}) {
        const std::vector<float> rows = floats(attention + part + ".weight");
        weight.insert(weight.end(), rows.begin(), rows.end());
        const std::string name = attention + part + ".bias";
        const std::vector<float> shift =
            tensors_.contains(name) ? floats(name) : std::vector<float>(values_ ? static_cast<size_t>(width) : 0, 0.0f);
        bias.insert(bias.end(), shift.begin(), shift.end());
      }
      put_floats(attention + "qkv.weight", {3 * width, shape[1]}, weight);
      if (some_bias) put_floats(attention + "qkv.bias", {3 * width}, bias);
      for (const char* part : {"q", "k", "v"})
        for (const char* kind : {".weight", ".bias"}) tensors_.erase(attention + part + kind);
    }
  }

  // x + g * (W h + b) = x + (g W) h + g b.
  void fold_layer_scales() {
    bool any = false;
    for (int i = 0; i < depth_; ++i)
      for (const auto& [scale, layer] : {std::pair{"ls1.gamma", "attn.proj"}, std::pair{"ls2.gamma", "mlp.fc2"}}) {
        const std::string name = block(i) + scale, target = block(i) + layer;
        if (!tensors_.contains(name)) continue;
        const Shape shape = shape_of(tensors_, target + ".weight");
        if (shape.size() != 2) throw Error("tensor '" + target + ".weight' has shape " + shape_text(shape));
        expect_shape(tensors_, name, {shape[0]});
        const std::vector<float> gamma = floats(name);
        std::vector<float> weight = floats(target + ".weight");
        for (size_t at = 0; at < weight.size(); ++at) weight[at] *= gamma[at / static_cast<size_t>(shape[1])];
        put_floats(target + ".weight", shape, weight);
        if (tensors_.contains(target + ".bias")) {
          expect_shape(tensors_, target + ".bias", {shape[0]});
          std::vector<float> bias = floats(target + ".bias");
          for (size_t at = 0; at < bias.size(); ++at) bias[at] *= gamma[at];
          put_floats(target + ".bias", {shape[0]}, bias);
        }
        tensors_.erase(name);
        any = true;
      }
    if (any) result_.notes.push_back("layer scale: multiplied into the projections, which computes the same");
  }

  void fill_biases() {
    std::string missing;
    const auto fill = [&](const std::string& stem) {
      const Shape shape = shape_of(tensors_, stem + ".weight");
      if (shape.empty()) throw Error("tensor '" + stem + ".weight' has no shape");
      put_zeros(stem + ".bias", {shape[0]});
    };
    const auto say = [&](const std::string& part) { missing += (missing.empty() ? "" : ", ") + part; };
    for (const char* part : {"norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"}) {
      int lacking = 0, first = -1;
      for (int i = 0; i < depth_; ++i)
        if (!tensors_.contains(block(i) + part + ".bias") && ++lacking && first < 0) first = i;
      if (lacking == 0) continue;
      if (lacking < depth_)
        throw Error("tensor '" + block(first) + part + ".bias' is missing, which other blocks have",
                    "the file is incomplete");
      for (int i = 0; i < depth_; ++i) fill(block(i) + part);
      say(part);
    }
    for (const char* stem : {"patch_embed.proj", "norm", "fc_norm", "head"})
      if (tensors_.contains(std::string(stem) + ".weight") && !tensors_.contains(std::string(stem) + ".bias")) {
        fill(stem);
        say(stem);
      }
    if (!missing.empty()) result_.notes.push_back("no bias in the file, so zero: " + missing);
  }

  // timm's no_embed_class: the class token has no position.
  void complete_positions() {
    const auto found = tensors_.find("pos_embed");
    if (found == tensors_.end() || found->second.shape.size() != 3 || found->second.shape[0] != 1) return;
    const Shape shape = found->second.shape;
    const int64_t rows = shape[1], width = shape[2];
    const auto grid =
        static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(rows > 0 && rows < 100'000 ? rows : 0))));
    if (grid < 1 || grid * grid != rows) return;
    std::vector<float> table(values_ ? static_cast<size_t>(width) : 0, 0.0f);
    const std::vector<float> given = floats("pos_embed");
    table.insert(table.end(), given.begin(), given.end());
    put_floats("pos_embed", {1, 1 + rows, width}, table);
    result_.notes.push_back("positions: none for the class token, so zero");
  }

  void widen_head() {
    const auto found = tensors_.find("head.weight");
    if (found == tensors_.end() || found->second.shape.size() != 2 || found->second.shape[0] != 1) return;
    const int64_t width = found->second.shape[1];
    expect_shape(tensors_, "head.bias", {1});
    for (const auto& [name, shape] : {std::pair<std::string, Shape>{"head.weight", {2, width}}, {"head.bias", {2}}}) {
      const std::vector<float> row = floats(name);
      std::vector<float> both(row.size(), 0.0f);
      both.insert(both.end(), row.begin(), row.end());
      put_floats(name, shape, both);
    }
    result_.notes.push_back("head: one output z, kept as the two outputs 0 and z, whose softmax is the sigmoid of z");
  }

  TensorMap& tensors_;
  bool values_;
  int depth_ = 0;
  FoldResult result_;
};

}  // namespace

FoldResult fold_into_plain_vit(TensorMap& tensors, bool values) { return Folder(tensors, values).run(); }

}  // namespace fsfm
