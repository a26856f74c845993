#include "engine/separable_net.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "kernels/separable_conv.h"
#include "tensorio/onnx_file.h"

namespace fsfm {
namespace {

constexpr int kBorder = 2;  // pixels of zeros around every picture: what a 5 x 5 window looks beyond the edge
constexpr int kMaxSide = 4096, kMaxChannels = 4096;

// A picture between layers, [side + 2 * kBorder, side + 2 * kBorder, channels].
struct Plane {
  int side, channels;

  ptrdiff_t row() const { return static_cast<ptrdiff_t>(side + 2 * kBorder) * channels; }
  size_t size() const { return static_cast<size_t>(side + 2 * kBorder) * static_cast<size_t>(row()); }
  // Of the pixel (y, x), which may lie in the border.
  ptrdiff_t at(int y, int x) const { return (y + kBorder) * row() + static_cast<ptrdiff_t>(x + kBorder) * channels; }
};

// One convolution of windows (full or depthwise, or none) and one of pixels after it.
struct Layer {
  enum class Window { none, depthwise, full };

  int source = 0, target = 0;  // planes
  Window window = Window::none;
  int kernel = 1, stride = 1, before = 0;  // pixels that the first window lies beyond the edge
  std::vector<float> taps;                 // depthwise: [kernel * kernel, period]
  std::vector<float> weights, bias;        // of the pixels: [inputs, padded outputs], [padded outputs]
  int inputs = 0;                          // of the pixels' convolution: its depth
  int skip = -1;                           // plane that is added, -1: none
  bool pooled = false;                     // its 2 x 2 maxima are
  bool relu = false;
};

struct Depthwise {
  int source = 0;
  const OnnxNode* node = nullptr;
};

// What a name of the file stands for while the layers are put together.
struct Value {
  int plane = -1;
  int layer = -1;                      // that ends in this plane and may still be added to
  bool pooled = false;                 // the 2 x 2 maxima of the plane
  bool zeros = false;                  // a constant, of more channels
  std::optional<Depthwise> windows{};  // a depthwise convolution of it, before that of pixels
};

}  // namespace

struct SeparableNet::Impl {
  std::filesystem::path file;
  int side;
  OnnxNetwork network;
  std::vector<Plane> planes;
  std::vector<Layer> layers;
  std::vector<int> outputs;  // planes
  std::vector<int> buffers;  // of each plane: those of one shape take turns, so that fewer lie in the caches
  std::map<std::string, Value> values;
  std::map<std::string, int> readers;

  Impl(const std::filesystem::path& onnx, int side) : file(onnx), side(side), network(read_onnx(onnx)) {
    if (network.inputs.size() != 1 || side < 1 || side > kMaxSide) refuse("no single picture as input");
    for (const OnnxNode& node : network.nodes)
      for (const auto& name : node.inputs) ++readers[name];
    planes.push_back({side, 3});
    values[network.inputs[0]] = {.plane = 0};
    for (const OnnxNode& node : network.nodes) add(node);
    for (const auto& name : network.outputs) outputs.push_back(plane_of(name));
    if (outputs.empty()) refuse("no outputs");
    share_buffers();
    network = {};
    values.clear();
  }

  void share_buffers() {
    std::vector<size_t> last(planes.size(), 0);  // layer that reads the plane
    for (size_t i = 0; i < layers.size(); ++i) {
      last[static_cast<size_t>(layers[i].source)] = i;
      if (layers[i].skip >= 0) last[static_cast<size_t>(layers[i].skip)] = i;
    }
    last[0] = layers.size();  // the picture keeps its own
    for (const int output : outputs) last[static_cast<size_t>(output)] = layers.size();
    buffers.resize(planes.size());
    std::vector<size_t> holders = {0};  // of each buffer: the plane in it
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto plane = static_cast<size_t>(layers[i].target);
      const auto fits = [&](size_t holder) {
        return last[holder] < i && planes[holder].side == planes[plane].side &&
               planes[holder].channels == planes[plane].channels;
      };
      auto free = std::find_if(holders.begin(), holders.end(), fits);
      if (free == holders.end()) free = holders.insert(free, plane);
      *free = plane;
      buffers[plane] = static_cast<int>(free - holders.begin());
    }
  }

  const float* picture(int plane, const std::vector<std::vector<float>>& memory) const {
    return memory[static_cast<size_t>(buffers[static_cast<size_t>(plane)])].data();
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(file.string() + ": no separable network (" + why + ")");
  }

  const Value& value_of(const std::string& name) const {
    const auto found = values.find(name);
    if (found == values.end()) refuse("'" + name + "' is not computed");
    return found->second;
  }
  int plane_of(const std::string& name) const {
    const Value& value = value_of(name);
    if (value.plane < 0 || value.pooled || value.windows) refuse("'" + name + "' is not a picture");
    return value.plane;
  }
  const OnnxTensor& weights_of(const OnnxNode& node, size_t input) const {
    const auto found = node.inputs.size() > input ? network.weights.find(node.inputs[input]) : network.weights.end();
    if (found == network.weights.end() || found->second.values.empty()) refuse(node.op + " without weights");
    return found->second;
  }

  void add(const OnnxNode& node) {
    if (node.inputs.empty() || node.outputs.size() != 1) refuse(node.op);
    const std::string &in = node.inputs[0], &out = node.outputs[0];
    if (node.op == "Conv") {
      convolve(node);
    } else if (node.op == "Relu") {
      Value value = value_of(in);
      if (value.layer < 0 || readers[in] != 1) refuse("a ReLU that follows no convolution");
      layers[static_cast<size_t>(value.layer)].relu = true;
      value.layer = -1;
      values[out] = value;
    } else if (node.op == "Add" && node.inputs.size() == 2) {
      sum(node);
    } else if (node.op == "MaxPool") {
      Value value{.plane = plane_of(in), .pooled = true};
      const std::vector<int64_t> two{2, 2}, none(4, 0);
      if (node.get("kernel_shape", {}) != two || node.get("strides", {}) != two || node.get("pads", none) != none)
        refuse("a pooling other than of 2 x 2 pixels");
      values[out] = value;
    } else if (node.op == "ConstantOfShape") {
      values[out] = {.zeros = true};
    } else if (node.op == "Concat" && node.inputs.size() == 2) {  // with channels of nothing
      const Value &first = value_of(in), &second = value_of(node.inputs[1]);
      if (!second.zeros || node.get("axis", {}) != std::vector<int64_t>{1}) refuse("a concatenation");
      values[out] = first;
    } else if (node.op == "Transpose" || node.op == "Reshape") {  // planes always have their channels innermost
      const std::vector<int64_t> to_planes{0, 3, 1, 2}, from_planes{0, 2, 3, 1};
      const auto order = node.get("perm", {});
      if (node.op == "Transpose" && order != (plane_of(in) == 0 ? to_planes : from_planes)) refuse("a transposition");
      values[out] = {.plane = plane_of(in)};
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
    const int plane = plane_of(node.inputs[0]), channels = planes[static_cast<size_t>(plane)].channels;
    const int64_t groups = node.get("group", {1})[0];
    if (groups == channels && groups > 1) {
      (void)window_of(node, planes[static_cast<size_t>(plane)], weight);
      if (weight.shape != std::vector<int64_t>{channels, 1, weight.shape[2], weight.shape[2]} || weight.shape[2] == 1 ||
          readers[node.outputs[0]] != 1)
        refuse("a depthwise convolution of another form");
      values[node.outputs[0]] = {.windows = Depthwise{plane, &node}};
      return;
    }
    if (groups != 1) refuse("a convolution in groups");
    Layer layer = window_of(node, planes[static_cast<size_t>(plane)], weight);
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
    const Plane& plane = planes[static_cast<size_t>(windows.source)];
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
    layer.target = static_cast<int>(planes.size());
    planes.push_back({planes[static_cast<size_t>(layer.source)].side / layer.stride, static_cast<int>(outputs)});
    const int own = readers[node.outputs[0]] == 1 ? static_cast<int>(layers.size()) : -1;
    values[node.outputs[0]] = {.plane = layer.target, .layer = own};
    layers.push_back(std::move(layer));
  }

  // The later of the two convolutions takes the other summand along.
  void sum(const OnnxNode& node) {
    Value a = value_of(node.inputs[0]), b = value_of(node.inputs[1]);
    if (a.layer < b.layer) std::swap(a, b);
    if (a.layer < 0 || b.plane < 0 || b.windows) refuse("an addition of other things");
    Layer& layer = layers[static_cast<size_t>(a.layer)];
    const Plane &target = planes[static_cast<size_t>(layer.target)], &skip = planes[static_cast<size_t>(b.plane)];
    if (layer.skip >= 0 || b.plane >= layer.target || skip.channels > target.channels ||
        skip.side != target.side * (b.pooled ? 2 : 1))
      refuse("an addition of other sizes");
    layer.skip = b.plane;
    layer.pooled = b.pooled;
    values[node.outputs[0]] = {.plane = a.plane, .layer = a.layer};
  }
};

struct SeparableNet::Workspace {
  std::vector<std::vector<float>> planes;  // by buffer; their borders stay zero
  std::vector<float> windows, pooled;      // a row
  std::vector<std::vector<float>> outputs;
};

void SeparableNet::FreeWorkspace::operator()(Workspace* workspace) const { delete workspace; }

SeparableNet::SeparableNet(const std::filesystem::path& onnx, int side)
    : impl_(std::make_unique<const Impl>(onnx, side)) {}
SeparableNet::~SeparableNet() = default;
SeparableNet::SeparableNet(SeparableNet&&) noexcept = default;

SeparableNet::WorkspacePtr SeparableNet::make_workspace() const {
  WorkspacePtr workspace(new Workspace);
  for (size_t i = 0; i < impl_->planes.size(); ++i) {
    const auto buffer = static_cast<size_t>(impl_->buffers[i]);
    if (buffer >= workspace->planes.size()) workspace->planes.emplace_back(impl_->planes[i].size(), 0.0f);
  }
  workspace->outputs.resize(impl_->outputs.size());
  return workspace;
}

std::vector<std::span<const float>> SeparableNet::run(std::span<const float> image, Workspace& workspace) const {
  const Impl& net = *impl_;
  const size_t row = static_cast<size_t>(net.side) * 3;
  if (image.size() != row * static_cast<size_t>(net.side)) throw InternalError("SeparableNet: picture of a wrong size");
  auto& planes = workspace.planes;
  for (int y = 0; y < net.side; ++y)
    std::copy_n(image.data() + static_cast<size_t>(y) * row, row, planes[0].data() + net.planes[0].at(y, 0));

  for (const Layer& layer : net.layers) {
    const Plane &source = net.planes[static_cast<size_t>(layer.source)],
                &target = net.planes[static_cast<size_t>(layer.target)];
    const Plane* skip = layer.skip < 0 ? nullptr : &net.planes[static_cast<size_t>(layer.skip)];
    const float* from = net.picture(layer.source, planes);
    float* to = planes[static_cast<size_t>(net.buffers[static_cast<size_t>(layer.target)])].data();
    workspace.windows.resize(static_cast<size_t>(target.side) * layer.inputs);
    for (int y = 0; y < target.side; ++y) {
      const float* first = from + source.at(y * layer.stride - layer.before, -layer.before);
      const float* pixels = workspace.windows.data();
      if (layer.window == Layer::Window::none) {
        pixels = from + source.at(y, 0);
      } else if (layer.window == Layer::Window::depthwise) {
        kernels::depthwise_row(first, source.row(), layer.taps.data(), layer.kernel, layer.stride, target.side,
                               source.channels, workspace.windows.data());
      } else {
        const size_t width = static_cast<size_t>(layer.kernel) * source.channels;
        float* window = workspace.windows.data();
        for (int x = 0; x < target.side; ++x)
          for (int ky = 0; ky < layer.kernel; ++ky, window += width)
            std::copy_n(first + ky * source.row() + static_cast<ptrdiff_t>(x) * layer.stride * source.channels, width,
                        window);
      }
      const float* added = nullptr;
      if (skip != nullptr) {
        added = net.picture(layer.skip, planes) + skip->at(layer.pooled ? 2 * y : y, 0);
        if (layer.pooled) {
          workspace.pooled.resize(static_cast<size_t>(target.side) * skip->channels);
          kernels::max_pool_row(added, skip->row(), target.side, skip->channels, workspace.pooled.data());
          added = workspace.pooled.data();
        }
      }
      kernels::pointwise_row(pixels, target.side, layer.inputs, layer.weights.data(), layer.bias.data(), added,
                             skip == nullptr ? 0 : skip->channels, layer.relu, target.channels, to + target.at(y, 0));
    }
  }

  std::vector<std::span<const float>> outputs;
  for (size_t i = 0; i < net.outputs.size(); ++i) {
    const Plane& plane = net.planes[static_cast<size_t>(net.outputs[i])];
    const size_t width = static_cast<size_t>(plane.side) * plane.channels;
    auto& output = workspace.outputs[i];
    output.resize(width * static_cast<size_t>(plane.side));
    for (int y = 0; y < plane.side; ++y)
      std::copy_n(net.picture(net.outputs[i], planes) + plane.at(y, 0), width,
                  output.data() + static_cast<size_t>(y) * width);
    outputs.emplace_back(output);
  }
  return outputs;
}

}  // namespace fsfm
