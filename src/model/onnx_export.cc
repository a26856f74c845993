#include "model/onnx_export.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/onnx_graph.h"
#include "model/quantized.h"
#include "model/vit_layout.h"

namespace fsfm {
namespace {

constexpr int64_t kOpset = 11;  // the newest that OpenCV 4.6 reads whole

std::vector<float> transposed(const std::vector<float>& matrix, int64_t rows, int64_t columns) {
  std::vector<float> out(matrix.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      out[static_cast<size_t>(c * rows + r)] = matrix[static_cast<size_t>(r * columns + c)];
  return out;
}

// The transformer of method.md, node by node. Names of values tell where they are: "blocks.3.attn.scores".
class VitGraph {
 public:
  VitGraph(const TensorMap& tensors, const VitConfig& v, OnnxGraph& graph, bool diagonal_norms)
      : tensors_(tensors), v_(v), g_(graph), diagonal_norms_(diagonal_norms) {}

  // -> [N, T, D] after the blocks.
  std::string tokens(const std::string& images) {
    const int64_t d = v_.embed_dim, p = v_.patch_size, l = v_.patches();
    const int64_t kernel[] = {p, p}, front[] = {0, 1, 0, 0, 0, 0};
    g_.constant("patch_embed.weight", {d, 3, p, p}, floats("patch_embed.proj.weight"));
    g_.constant("patch_embed.bias", {d}, floats("patch_embed.proj.bias"));
    g_.node("Conv", {images, "patch_embed.weight", "patch_embed.bias"}, {"patches.map"},
            OnnxGraph::integers("kernel_shape", kernel) + OnnxGraph::integers("strides", kernel));
    reshape("patches.map", "patches.rows", {0, d, l});
    transpose("patches.rows", "patches", {0, 2, 1});
    // The class token has its place by padding and its value from the table of positions: no node has to know the
    // number of pictures.
    g_.node("Pad", {"patches", g_.constant("front", front)}, {"tokens.empty"});
    std::vector<float> table = floats("pos_embed");
    const std::vector<float> cls = floats("cls_token");
    for (size_t i = 0; i < cls.size(); ++i) table[i] += cls[i];
    std::string x = g_.node("Add", {"tokens.empty", g_.constant("positions", {1, v_.tokens(), d}, table)}, {"tokens"});
    for (int i = 0; i < v_.depth; ++i) x = block(x, "blocks." + std::to_string(i) + ".");
    return x;
  }

  // tokens -> pooled and normalised features [N, D].
  std::string features(const std::string& tokens) {
    const bool token = v_.global_pool == "token";
    // Two rows, of which the second is not used: OpenCV 4.6 cannot divide [1, 1, D] by [1, 1, 1].
    if (token) {
      slice(tokens, "pooled", 0, 2);
    } else {
      slice(tokens, "patches.last", 1, v_.tokens());
      mean("patches.last", "pooled.row", 1, true);
      g_.node("Concat", {"pooled.row", "pooled.row"}, {"pooled"}, OnnxGraph::integer("axis", 1));
    }
    layer_norm("pooled", token ? "norm" : "fc_norm", "features.rows");
    slice("features.rows", "features.row", 0, 1);
    reshape("features.row", "features", {0, v_.embed_dim});
    return "features";
  }

  // -> [N, classes]
  std::string logits(const std::string& tokens, const std::string& features) {
    return v_.global_pool == "fas" ? anti_spoofing_head(tokens, features) : linear_head(features);
  }

 private:
  std::vector<float> floats(const std::string& name) const { return tensors_.at(name).to_float(); }

  void reshape(const std::string& in, const std::string& out, std::vector<int64_t> shape) {
    g_.node("Reshape", {in, g_.constant(out + ".shape", shape)}, {out});
  }
  void transpose(const std::string& in, const std::string& out, std::vector<int64_t> order) {
    g_.node("Transpose", {in}, {out}, OnnxGraph::integers("perm", order));
  }
  // Tokens [first, end) of every picture.
  void slice(const std::string& in, const std::string& out, int64_t first, int64_t end) {
    const int64_t from[] = {first}, to[] = {end}, axis[] = {1};
    g_.node("Slice",
            {in, g_.constant(out + ".first", from), g_.constant(out + ".end", to), g_.constant(out + ".axis", axis)},
            {out});
  }
  void mean(const std::string& in, const std::string& out, int64_t axis, bool keep) {
    const int64_t axes[] = {axis};
    g_.node("ReduceMean", {in}, {out}, OnnxGraph::integers("axes", axes) + OnnxGraph::integer("keepdims", keep));
  }
  std::string number(const std::string& name, float value) {
    return g_.constant(name, {1}, std::span<const float>(&value, 1));
  }

  // x [.., inputs] times the layer's weight, transposed, plus its bias if it has one.
  std::string linear(const std::string& x, const std::string& name, const std::string& out, bool bias = true) {
    const Shape& shape = tensors_.at(name + ".weight").shape;
    g_.constant(name + ".weight", {shape[1], shape[0]}, transposed(floats(name + ".weight"), shape[0], shape[1]));
    if (!bias) return g_.node("MatMul", {x, name + ".weight"}, {out});
    g_.node("MatMul", {x, name + ".weight"}, {out + ".product"});
    return g_.node("Add", {out + ".product", g_.constant(name + ".bias", {shape[0]}, floats(name + ".bias"))}, {out});
  }

  std::string layer_norm(const std::string& x, const std::string& name, const std::string& out) {
    const int64_t d = v_.embed_dim;
    mean(x, out + ".mean", 2, true);
    g_.node("Sub", {x, out + ".mean"}, {out + ".centred"});
    g_.node("Mul", {out + ".centred", out + ".centred"}, {out + ".squares"});
    mean(out + ".squares", out + ".variance", 2, true);
    g_.node("Add", {out + ".variance", number(out + ".eps", static_cast<float>(v_.layer_norm_eps))},
            {out + ".positive"});
    g_.node("Sqrt", {out + ".positive"}, {out + ".deviation"});
    g_.node("Div", {out + ".centred", out + ".deviation"}, {out + ".normal"});
    const std::vector<float> weight = floats(name + ".weight");
    if (diagonal_norms_) {
      std::vector<float> diagonal(static_cast<size_t>(d * d));
      for (int64_t k = 0; k < d; ++k) diagonal[static_cast<size_t>(k * d + k)] = weight[static_cast<size_t>(k)];
      g_.node("MatMul", {out + ".normal", g_.constant(name + ".weight", {d, d}, diagonal)}, {out + ".scaled"});
    } else {
      g_.node("Mul", {out + ".normal", g_.constant(name + ".weight", {d}, weight)}, {out + ".scaled"});
    }
    return g_.node("Add", {out + ".scaled", g_.constant(name + ".bias", {d}, floats(name + ".bias"))}, {out});
  }

  // x / 2 * (1 + erf(x / sqrt 2))
  std::string gelu(const std::string& x, const std::string& out) {
    g_.node("Div", {x, number(out + ".root", std::sqrt(2.0f))}, {out + ".shrunk"});
    g_.node("Erf", {out + ".shrunk"}, {out + ".erf"});
    g_.node("Add", {out + ".erf", number(out + ".one", 1)}, {out + ".gate"});
    g_.node("Mul", {x, out + ".gate"}, {out + ".gated"});
    return g_.node("Mul", {out + ".gated", number(out + ".half", 0.5f)}, {out});
  }

  std::string attention(const std::string& x, const std::string& at) {
    const int64_t d = v_.embed_dim, heads = v_.num_heads, head_dim = d / heads, t = v_.tokens();
    const int64_t thirds[] = {d, d, d};
    linear(x, at + "qkv", at + "all");
    g_.node("Split", {at + "all"}, {at + "q.rows", at + "k.rows", at + "v.rows"},
            OnnxGraph::integer("axis", 2) + OnnxGraph::integers("split", thirds));
    for (const char* part : {"q", "k", "v"}) {
      reshape(at + part + ".rows", at + part + ".heads", {0, t, heads, head_dim});
      transpose(at + part + ".heads", at + part,
                *part == 'k' ? std::vector<int64_t>{0, 2, 3, 1} : std::vector<int64_t>{0, 2, 1, 3});
    }
    g_.node("Mul", {at + "q", number(at + "scale", 1 / std::sqrt(static_cast<float>(head_dim)))}, {at + "q.scaled"});
    g_.node("MatMul", {at + "q.scaled", at + "k"}, {at + "scores"});
    g_.node("Softmax", {at + "scores"}, {at + "weights"}, OnnxGraph::integer("axis", 3));
    g_.node("MatMul", {at + "weights", at + "v"}, {at + "mixed"});
    transpose(at + "mixed", at + "mixed.rows", {0, 2, 1, 3});
    reshape(at + "mixed.rows", at + "joined", {0, t, d});
    return linear(at + "joined", at + "proj", at + "out");
  }

  std::string block(const std::string& x, const std::string& at) {
    layer_norm(x, at + "norm1", at + "normed1");
    const std::string attended = g_.node("Add", {x, attention(at + "normed1", at + "attn.")}, {at + "attended"});
    layer_norm(attended, at + "norm2", at + "normed2");
    linear(at + "normed2", at + "mlp.fc1", at + "mlp.hidden");
    gelu(at + "mlp.hidden", at + "mlp.gelu");
    linear(at + "mlp.gelu", at + "mlp.fc2", at + "mlp.out");
    return g_.node("Add", {attended, at + "mlp.out"}, {at + "out"});
  }

  std::string linear_head(std::string features) {
    if (v_.adapter) {
      linear(features, "adapter.linear1", "adapter.narrow", false);
      g_.node("Relu", {"adapter.narrow"}, {"adapter.squeezed"});
      linear("adapter.squeezed", "adapter.linear2", "adapter.wide", false);
      g_.node("Relu", {"adapter.wide"}, {"adapter.out"});
      features = g_.node("Concat", {features, "adapter.out"}, {"adapted"}, OnnxGraph::integer("axis", 1));
    }
    return linear(features, "head", "logits");
  }

  // As engine/vit_heads.cc: each channel of the bottleneck over its norm among the tokens; the answer is the pooled
  // one's.
  std::string anti_spoofing_head(const std::string& tokens, const std::string& features) {
    const int64_t width = tensors_.at("head.bottleneck.weight").shape[0];
    reshape(features, "head.pooled", {0, 1, v_.embed_dim});
    slice(tokens, "head.patches", 1, v_.tokens());
    g_.node("Concat", {"head.pooled", "head.patches"}, {"head.tokens"}, OnnxGraph::integer("axis", 1));
    linear("head.tokens", "head.bottleneck", "head.wide");
    g_.node("Relu", {"head.wide"}, {"head.hidden"});
    g_.node("Mul", {"head.hidden", "head.hidden"}, {"head.squares"});
    const int64_t tokens_axis[] = {1};
    g_.node("ReduceSum", {"head.squares"}, {"head.energy"},
            OnnxGraph::integers("axes", tokens_axis) + OnnxGraph::integer("keepdims", 1));
    // max(norm, 1e-12), in nodes that OpenCV 4.6 has
    g_.node("Add", {"head.energy", number("head.least", 1e-24f)}, {"head.energy.positive"});
    g_.node("Sqrt", {"head.energy.positive"}, {"head.norm"});
    g_.node("Mul", {"head.norm", number("head.two", 2)}, {"head.norm.doubled"});
    g_.node("Sqrt", {"head.norm.doubled"}, {"head.divisor"});
    slice("head.hidden", "head.first", 0, 1);
    g_.node("Div", {"head.first", "head.divisor"}, {"head.even"});
    reshape("head.even", "head.input", {0, width});
    std::vector<float> weight = floats("head.classifier.weight");  // [classes, width], columns made unit
    const auto classes = static_cast<size_t>(v_.num_classes), columns = static_cast<size_t>(width);
    for (size_t i = 0; i < columns; ++i) {
      double square = 0;
      for (size_t c = 0; c < classes; ++c) square += std::pow(weight[c * columns + i], 2);
      const auto norm = static_cast<float>(std::max(std::sqrt(square), 1e-12));
      for (size_t c = 0; c < classes; ++c) weight[c * columns + i] /= norm;
    }
    g_.constant("head.classifier.weight", {width, v_.num_classes}, transposed(weight, v_.num_classes, width));
    g_.node("MatMul", {"head.input", "head.classifier.weight"}, {"head.product"});
    return g_.node(
        "Add", {"head.product", g_.constant("head.classifier.bias", {v_.num_classes}, floats("head.classifier.bias"))},
        {"logits"});
  }

  const TensorMap& tensors_;
  const VitConfig& v_;
  OnnxGraph& g_;
  bool diagonal_norms_;
};

}  // namespace

void export_onnx(const ModelFile& model, const std::filesystem::path& path, const OnnxExportOptions& options) try {
  const ModelCard& card = model.card();
  const FloatTensors floats = in_floats(model.tensors());
  const VitConfig v = infer_vit_config(floats.tensors, card.config);
  OnnxGraph graph(card.name.empty() ? "fsfm" : card.name);
  const int64_t batch = options.for_opencv46 ? 1 : options.batch > 0 ? options.batch : -1;
  graph.input("images", {batch, 3, v.img_size, v.img_size});
  VitGraph vit(floats.tensors, v, graph, options.for_opencv46);
  const std::string tokens = vit.tokens("images"), features = vit.features(tokens);
  if (v.num_classes == 0) {
    graph.output(features, {batch, v.embed_dim});
  } else {
    const std::string logits = vit.logits(tokens, features);
    const auto temperature = static_cast<float>(card.temperature);
    graph.node("Div", {logits, graph.constant("temperature", {1}, std::span<const float>(&temperature, 1))},
               {"tempered"});
    graph.node("Softmax", {"tempered"}, {"probabilities"}, OnnxGraph::integer("axis", 1));
    graph.output(logits, {batch, v.num_classes});
    graph.output("probabilities", {batch, v.num_classes});
  }
  graph.metadata("fsfm.card", card.to_json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  graph.write(path, kOpset);
} catch (const Error& error) {
  throw error.in(model.path().string());
}

}  // namespace fsfm
