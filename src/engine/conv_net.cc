#include "engine/conv_net.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "kernels/onednn.h"
#include "model/tensor_shapes.h"

namespace fsfm {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
constexpr auto kFloat = memory::data_type::f32;

// Nothing is made as large as the card says before the tensors were seen to be.
ParseNetConfig config_of(const ModelFile& model) {
  try {
    ParseNetConfig config = ParseNetConfig::from_json(model.card().config);
    for (const auto& layer : parse_net_layers(config)) {
      expect_shape(model.tensors(), layer.name + ".weight", {layer.out, layer.in, layer.kernel, layer.kernel});
      expect_shape(model.tensors(), layer.name + ".bias", {layer.out});
    }
    return config;
  } catch (const Error& error) {
    throw Error(model.path().string() + ": " + error.what(), "the file is damaged or no parser");
  }
}

memory::desc feature_desc(int channels, int size, Tag tag) { return {{1, channels, size, size}, kFloat, tag}; }

}  // namespace

struct ConvNet::Impl {
  struct Step {
    dnnl::primitive primitive;
    std::unordered_map<int, memory> arguments;
  };

  ParseNetConfig config;
  int threads;
  OneDnn cpu;
  std::vector<Step> steps;
  memory input, output;
  std::map<std::string, ConvShape> shapes;
  std::vector<std::string> implementations;

  Impl(const ModelFile& model, int threads) : config(config_of(model)), threads(threads) {
    const ScopedThreads scope(threads);
    for (const auto& shape : parse_net_layers(config)) shapes.emplace(shape.name, shape);
    build(model);
  }

  // The order of execution; see nn/parse_net.h for the network.
  void build(const ModelFile& model) {
    int size = config.img_size;
    input = memory(feature_desc(3, size, Tag::nhwc), cpu.engine);
    std::array<memory, kParseNetLevels> features;
    memory x = input;
    for (int i = 0; i < kParseNetLevels; ++i) {
      x = convolve(model, i == 0 ? "stem" : "down" + std::to_string(i), x);
      for (int j = 0; j < config.blocks[i]; ++j) {
        const std::string block = "block" + std::to_string(i) + "_" + std::to_string(j);
        // The branch is added onto x in place, by the convolution that ends it.
        convolve(model, block + "_b", convolve(model, block + "_a", x), &x);
      }
      features[i] = x;
    }
    for (int i = kParseNetLevels - 2; i >= 0; --i) {
      const std::string level = std::to_string(i);
      const memory below = convolve(model, "lateral" + level, x);
      const memory skip = convolve(model, "skip" + level, features[i]);
      add_upsampled(below, skip);
      x = convolve(model, "fuse" + level, skip);
    }
    x = convolve(model, "head", x);
    output = to_layout(x, Tag::nchw);
  }

  // Appends a convolution (+ ReLU), or with `sum` one whose result is added to *sum, followed by ReLU.
  memory convolve(const ModelFile& model, const std::string& name, const memory& source, memory* sum = nullptr) {
    const ConvShape& shape = shapes.at(name);
    const int size = static_cast<int>(source.get_desc().dims()[2]) / shape.stride, pad = shape.kernel / 2;
    const memory::dims strides{shape.stride, shape.stride}, padding{pad, pad};
    // Padding on the right only as far as the last window reaches.
    const int in_size = size * shape.stride;
    const int right = (size - 1) * shape.stride + shape.kernel - in_size - pad;
    // Named, not left open: beside a source in nhwc, "any" leaves oneDNN 2.6 on CPUs without AVX-512 to its reference
    // code, which takes three hundred times as long.
    const auto destination = sum ? sum->get_desc() : feature_desc(shape.out, size, Tag::nhwc);
    const memory::desc weight_any({shape.out, shape.in, shape.kernel, shape.kernel}, kFloat, Tag::any);
    const memory::desc bias_desc({shape.out}, kFloat, Tag::x);
    dnnl::post_ops ops;
    if (sum) ops.append_sum(1.0f);
    if (sum || shape.relu) onednn::append_eltwise(ops, dnnl::algorithm::eltwise_relu);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(ops);
    const auto primitive = onednn::convolution(cpu.engine, source.get_desc(), weight_any, bias_desc, destination,
                                               strides, padding, {right, right}, attributes);
    memory result = sum ? *sum : memory(primitive.dst_desc(), cpu.engine);
    implementations.emplace_back(primitive.impl_info_str());
    steps.push_back({dnnl::convolution_forward(primitive),
                     {{DNNL_ARG_SRC, source},
                      {DNNL_ARG_WEIGHTS, packed_weights(model, shape, primitive.weights_desc())},
                      {DNNL_ARG_BIAS, constant(model, name + ".bias", {shape.out}, Tag::x)},
                      {DNNL_ARG_DST, result}}});
    return result;
  }

  // target := relu(target + bilinear upsampling of source).
  void add_upsampled(const memory& source, const memory& target) {
    dnnl::post_ops ops;
    ops.append_sum(1.0f);
    onednn::append_eltwise(ops, dnnl::algorithm::eltwise_relu);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(ops);
    const auto primitive = onednn::bilinear(cpu.engine, source.get_desc(), target.get_desc(), attributes);
    steps.push_back({dnnl::resampling_forward(primitive), {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, target}}});
  }

  memory to_layout(const memory& source, Tag tag) {
    const auto dims = source.get_desc().dims();
    const memory::desc wanted(dims, kFloat, tag);
    if (source.get_desc() == wanted) return source;
    memory result(wanted, cpu.engine);
    steps.push_back({dnnl::reorder(source, result), {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, result}}});
    return result;
  }

  // A copy of the tensor in oneDNN's memory.
  memory constant(const ModelFile& model, const std::string& name, const Shape& shape, Tag tag) {
    const auto values = model.tensor(name).to_float();
    memory result({shape, kFloat, tag}, cpu.engine);
    std::copy(values.begin(), values.end(), static_cast<float*>(result.get_data_handle()));
    return result;
  }

  memory packed_weights(const ModelFile& model, const ConvShape& shape, const memory::desc& layout) {
    memory plain =
        constant(model, shape.name + ".weight", {shape.out, shape.in, shape.kernel, shape.kernel}, Tag::oihw);
    if (layout == plain.get_desc()) return plain;
    memory packed(layout, cpu.engine);
    dnnl::reorder(plain, packed).execute(cpu.stream, plain, packed);
    cpu.stream.wait();
    return packed;
  }
};

ConvNet::ConvNet(const ModelFile& model, int threads) {
  impl_ = with_onednn("preparing the parser", [&] { return std::make_unique<Impl>(model, threads); });
}

ConvNet::~ConvNet() = default;
ConvNet::ConvNet(ConvNet&&) noexcept = default;

const ParseNetConfig& ConvNet::config() const { return impl_->config; }
const std::vector<std::string>& ConvNet::implementations() const { return impl_->implementations; }

std::span<const float> ConvNet::logits(std::span<const float> image) {
  auto& net = *impl_;
  const size_t side = static_cast<size_t>(net.config.img_size), out_side = side / 2;
  if (image.size() != side * side * 3) throw InternalError("ConvNet: image of a wrong size");
  const ScopedThreads scope(net.threads);
  std::copy(image.begin(), image.end(), static_cast<float*>(net.input.get_data_handle()));
  for (auto& step : net.steps) step.primitive.execute(net.cpu.stream, step.arguments);
  net.cpu.stream.wait();
  return {static_cast<const float*>(net.output.get_data_handle()), out_side * out_side * net.config.num_classes};
}

}  // namespace fsfm
