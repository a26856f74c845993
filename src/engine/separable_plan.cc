#include "engine/separable_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "kernels/separable_conv.h"
#include "tensorio/onnx_file.h"

namespace fsfm::separable {
namespace {

constexpr int kMaxSide = 4096, kMaxChannels = 4096;

struct Depthwise {
  size_t source = 0;
  const OnnxNode* node = nullptr;
};

// What a name of the file stands for while the layers are put together.
struct Value {
  std::optional<size_t> plane{};
  std::optional<size_t> layer{};       // that ends in this plane and may still be added to
  bool pooled = false;                 // the 2 x 2 maxima of the plane
  bool zeros = false;                  // a constant, of more channels
  std::optional<Depthwise> windows{};  // a depthwise convolution of it, before that of pixels
};

class Reader {
 public:
  Reader(const std::filesystem::path& onnx, int side) : file_(onnx), network_(read_onnx(onnx)) {
    if (network_.inputs.size() != 1 || side < 1 || side > kMaxSide) refuse("no single picture as input");
    for (const OnnxNode& node : network_.nodes)
      for (const auto& name : node.inputs) ++readers_[name];
    for (const auto& name : network_.outputs) ++readers_[name];
    plan_.planes.push_back({side, 3});
    values_[network_.inputs[0]] = {.plane = 0};
  }

  Plan read() {
    for (const OnnxNode& node : network_.nodes) add(node);
    for (const auto& name : network_.outputs) plan_.outputs.push_back(plane_of(name));
    if (plan_.outputs.empty()) refuse("no outputs");
    share_buffers();
    return std::move(plan_);
  }

 private:
  void share_buffers() {
    std::vector<size_t> last(plan_.planes.size(), 0);  // layer that reads the plane
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
      last[plan_.layers[i].source] = i;
      if (plan_.layers[i].skip) last[*plan_.layers[i].skip] = i;
    }
    last[0] = plan_.layers.size();  // the picture keeps its own
    for (const size_t output : plan_.outputs) last[output] = plan_.layers.size();
    plan_.buffers.resize(plan_.planes.size());
    std::vector<size_t> holders = {0};  // of each buffer: the plane in it
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
      const auto plane = plan_.layers[i].target;
      const auto fits = [&](size_t holder) {
        return last[holder] < i && plan_.planes[holder].side == plan_.planes[plane].side &&
               plan_.planes[holder].channels == plan_.planes[plane].channels;
      };
      auto free = std::find_if(holders.begin(), holders.end(), fits);
      if (free == holders.end()) free = holders.insert(free, plane);
      *free = plane;
      plan_.buffers[plane] = static_cast<int>(free - holders.begin());
    }
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(file_.string() + ": no separable network (" + why + ")");
  }

  const Value& value_of(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) refuse("'" + name + "' is not computed");
    return found->second;
  }
  size_t plane_of(const std::string& name) const {
    const Value& value = value_of(name);
    if (!value.plane || value.pooled || value.windows) refuse("'" + name + "' is not a picture");
    return *value.plane;
  }
  const OnnxTensor& weights_of(const OnnxNode& node, size_t input) const {
    const auto found = node.inputs.size() > input ? network_.weights.find(node.inputs[input]) : network_.weights.end();
    if (found == network_.weights.end() || found->second.values.empty()) refuse(node.op + " without weights");
    return found->second;
  }

  void add(const OnnxNode& node) {
    if (node.inputs.empty() || node.outputs.size() != 1) refuse(node.op);
    if (!node.others.empty()) refuse(node.op + " with '" + node.others.front() + "'");
    const std::string &in = node.inputs[0], &out = node.outputs[0];
    if (node.op == "Conv") {
      convolve(node);
    } else if (node.op == "Relu") {
      Value value = value_of(in);
      if (!value.layer || readers_[in] != 1) refuse("a ReLU that follows no convolution");
      plan_.layers[*value.layer].relu = true;
      value.layer.reset();
      values_[out] = value;
    } else if (node.op == "Add" && node.inputs.size() == 2) {
      sum(node);
    } else if (node.op == "MaxPool") {
      Value value{.plane = plane_of(in), .pooled = true};
      const std::vector<int64_t> two{2, 2}, none(4, 0);
      if (node.get("kernel_shape", {}) != two || node.get("strides", {}) != two || node.get("pads", none) != none ||
          node.get("dilations", {1, 1}) != std::vector<int64_t>{1, 1})
        refuse("a pooling other than of 2 x 2 pixels");
      values_[out] = value;
    } else if (node.op == "ConstantOfShape") {
      values_[out] = {.zeros = true};
    } else if (node.op == "Concat" && node.inputs.size() == 2) {  // with channels of nothing
      const Value &first = value_of(in), &second = value_of(node.inputs[1]);
      if (!first.plane || first.windows || !second.zeros || node.get("axis", {}) != std::vector<int64_t>{1})
        refuse("a concatenation");
      values_[out] = {.plane = first.plane, .pooled = first.pooled};
    } else if (node.op == "Transpose" || node.op == "Reshape") {  // planes always have their channels innermost
      const std::vector<int64_t> to_planes{0, 3, 1, 2}, from_planes{0, 2, 3, 1};
      const auto order = node.get("perm", {});
      if (node.op == "Transpose" && order != (plane_of(in) == 0 ? to_planes : from_planes)) refuse("a transposition");
      values_[out] = {.plane = plane_of(in)};
    } else {
      refuse("'" + node.op + "' in it");
    }
  }

  // The geometry of a convolution, checked: windows lie within the border.
  Layer window_of(const OnnxNode& node, const Plane& plane, const OnnxTensor& weight) const {
    if (weight.shape.size() != 4 || weight.shape[2] != weight.shape[3]) refuse("a convolution that is not square");
    const int64_t kernel = weight.shape[2];
    const auto strides = node.get("strides", {1, 1}), pads = node.get("pads", {0, 0, 0, 0});
    const auto ones = std::vector<int64_t>{1, 1};
    if (strides.size() != 2 || strides[0] != strides[1] || strides[0] < 1 || strides[0] > 2 || pads.size() != 4 ||
        pads[0] != pads[1] || pads[2] != pads[3] || pads[0] < 0 || pads[0] > kBorder || pads[2] < 0 ||
        pads[2] > kBorder || (kernel != 1 && kernel != 3 && kernel != 5) || node.get("dilations", ones) != ones ||
        plane.side % strides[0] != 0 || plane.side + pads[0] + pads[2] - kernel < 0 ||
        (plane.side + pads[0] + pads[2] - kernel) / strides[0] + 1 != plane.side / strides[0])
      refuse("a convolution with unusual windows");
    Layer layer;
    layer.kernel = static_cast<int>(kernel);
    layer.stride = static_cast<int>(strides[0]);
    layer.before = static_cast<int>(pads[0]);
    return layer;
  }

  void convolve(const OnnxNode& node) {
    const OnnxTensor& weight = weights_of(node, 1);
    const Value& source = value_of(node.inputs[0]);
    if (source.windows) return convolve_pixels(node, weight, *source.windows);
    const size_t plane = plane_of(node.inputs[0]);
    const int channels = plan_.planes[plane].channels;
    const int64_t groups = node.get("group", {1})[0];
    if (groups == channels && groups > 1) {
      (void)window_of(node, plan_.planes[plane], weight);
      if (weight.shape != std::vector<int64_t>{channels, 1, weight.shape[2], weight.shape[2]} || weight.shape[2] == 1 ||
          readers_[node.outputs[0]] != 1)
        refuse("a depthwise convolution of another form");
      values_[node.outputs[0]] = {.windows = Depthwise{plane, &node}};
      return;
    }
    if (groups != 1) refuse("a convolution in groups");
    Layer layer = window_of(node, plan_.planes[plane], weight);
    const int64_t outputs = weight.shape[0], kernel = layer.kernel;
    if (weight.shape[1] != channels) refuse("a convolution of other channels");
    layer.source = plane;
    if (kernel > 1 || layer.stride > 1) layer.window = Layer::Window::full;
    layer.inputs = static_cast<int>(kernel * kernel * channels);
    // [outputs, channels, ky, kx] -> [ky, kx, channels, outputs]
    set_pixels(layer, node, outputs, [&](int64_t i, int64_t o) {
      const int64_t c = i % channels, tap = i / channels;
      return weight.values[static_cast<size_t>((o * channels + c) * kernel * kernel + tap)];
    });
    append(std::move(layer), node, outputs);
  }

  void convolve_pixels(const OnnxNode& node, const OnnxTensor& weight, const Depthwise& windows) {
    const Plane& plane = plan_.planes[windows.source];
    const int channels = plane.channels;
    const OnnxTensor& taps = weights_of(*windows.node, 1);
    Layer layer = window_of(*windows.node, plane, taps);
    layer.source = windows.source;
    layer.window = Layer::Window::depthwise;
    layer.inputs = channels;
    const int period = kernels::depthwise_period(channels), area = layer.kernel * layer.kernel;
    layer.taps.resize(static_cast<size_t>(area) * period);
    for (int tap = 0; tap < area; ++tap)
      for (int i = 0; i < period; ++i)
        layer.taps[static_cast<size_t>(tap) * period + i] = taps.values[static_cast<size_t>(i % channels) * area + tap];
    const Layer pixels = window_of(node, {plane.side / layer.stride, channels}, weight);
    const int64_t outputs = weight.shape[0];
    if (pixels.kernel != 1 || pixels.stride != 1 || node.get("group", {1})[0] != 1 || weight.shape[1] != channels)
      refuse("a depthwise convolution that no pointwise one follows");
    set_pixels(layer, node, outputs,
               [&](int64_t i, int64_t o) { return weight.values[static_cast<size_t>(o * channels + i)]; });
    if (windows.node->inputs.size() > 2) {  // its bias, seen through the pixels' weights
      const OnnxTensor& bias = weights_of(*windows.node, 2);
      if (bias.values.size() != static_cast<size_t>(channels)) refuse("a bias of another size");
      for (int64_t o = 0; o < outputs; ++o)
        for (int c = 0; c < channels; ++c)
          layer.bias[static_cast<size_t>(o)] +=
              bias.values[static_cast<size_t>(c)] * weight.values[static_cast<size_t>(o * channels + c)];
    }
    append(std::move(layer), node, outputs);
  }

  template <class At>
  void set_pixels(Layer& layer, const OnnxNode& node, int64_t outputs, At at) const {
    if (outputs < 1 || outputs > kMaxChannels) refuse("a convolution of so many channels");
    const int columns = kernels::padded_columns(static_cast<int>(outputs));
    layer.weights.resize(static_cast<size_t>(layer.inputs) * columns);
    layer.bias.resize(static_cast<size_t>(columns));
    for (int64_t i = 0; i < layer.inputs; ++i)
      for (int64_t o = 0; o < outputs; ++o) layer.weights[static_cast<size_t>(i * columns + o)] = at(i, o);
    if (node.inputs.size() < 3) return;
    const OnnxTensor& bias = weights_of(node, 2);
    if (bias.values.size() != static_cast<size_t>(outputs)) refuse("a bias of another size");
    std::copy(bias.values.begin(), bias.values.end(), layer.bias.begin());
  }

  void append(Layer layer, const OnnxNode& node, int64_t outputs) {
    layer.target = plan_.planes.size();
    plan_.planes.push_back({plan_.planes[layer.source].side / layer.stride, static_cast<int>(outputs)});
    Value value{.plane = layer.target};
    if (readers_[node.outputs[0]] == 1) value.layer = plan_.layers.size();
    values_[node.outputs[0]] = value;
    plan_.layers.push_back(std::move(layer));
  }

  // The later of the two convolutions takes the other summand along.
  void sum(const OnnxNode& node) {
    Value a = value_of(node.inputs[0]), b = value_of(node.inputs[1]);
    if (a.layer < b.layer) std::swap(a, b);  // nullopt is less than any
    if (!a.layer || !b.plane || b.windows) refuse("an addition of other things");
    Layer& layer = plan_.layers[*a.layer];
    const Plane &target = plan_.planes[layer.target], &skip = plan_.planes[*b.plane];
    if (layer.skip || *b.plane >= layer.target || skip.channels > target.channels ||
        skip.side != target.side * (b.pooled ? 2 : 1))
      refuse("an addition of other sizes");
    layer.skip = b.plane;
    layer.pooled = b.pooled;
    values_[node.outputs[0]] = {.plane = a.plane, .layer = a.layer};
  }

  const std::filesystem::path file_;
  const OnnxNetwork network_;
  Plan plan_;
  std::map<std::string, Value> values_;
  std::map<std::string, int> readers_;  // how many nodes read a name, and the caller
};

}  // namespace

Plan read_plan(const std::filesystem::path& onnx, int side) { return Reader(onnx, side).read(); }

}  // namespace fsfm::separable
