#include "engine/separable_net.h"

#include <algorithm>

#include "base/error.h"
#include "engine/separable_plan.h"
#include "kernels/separable_conv.h"

namespace fsfm {

using separable::Layer;
using separable::Plane;

struct SeparableNet::Workspace {
  std::vector<std::vector<float>> buffers;  // their borders stay zero
  std::vector<float> windows, pooled;       // a row
  std::vector<std::vector<float>> outputs;
};

void SeparableNet::FreeWorkspace::operator()(Workspace* workspace) const { delete workspace; }

SeparableNet::SeparableNet(const std::filesystem::path& onnx, int side)
    : plan_(std::make_unique<const separable::Plan>(separable::read_plan(onnx, side))) {}
SeparableNet::~SeparableNet() = default;
SeparableNet::SeparableNet(SeparableNet&&) noexcept = default;

SeparableNet::WorkspacePtr SeparableNet::make_workspace() const {
  WorkspacePtr workspace(new Workspace);
  for (size_t i = 0; i < plan_->planes.size(); ++i)
    if (plan_->buffers[i] >= workspace->buffers.size()) workspace->buffers.emplace_back(plan_->planes[i].size(), 0.0f);
  workspace->outputs.resize(plan_->outputs.size());
  return workspace;
}

// Row after row: what the windows give goes through the pixels' convolution while it is in the first cache.
void SeparableNet::run_layer(const Layer& layer, Workspace& workspace) const {
  const auto memory = [&](size_t plane) { return workspace.buffers[plan_->buffers[plane]].data(); };
  const Plane &source = plan_->planes[layer.source], &target = plan_->planes[layer.target];
  const Plane* skip = layer.skip ? &plan_->planes[*layer.skip] : nullptr;
  const float* from = memory(layer.source);
  float* to = memory(layer.target);
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
      added = memory(*layer.skip) + skip->at(layer.pooled ? 2 * y : y, 0);
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

std::vector<std::span<const float>> SeparableNet::run(std::span<const float> image, Workspace& workspace) const {
  const Plane& picture = plan_->planes[0];
  const size_t row = static_cast<size_t>(picture.side) * picture.channels;
  if (image.size() != row * static_cast<size_t>(picture.side))
    throw InternalError("SeparableNet: picture of a wrong size");
  for (int y = 0; y < picture.side; ++y)
    std::copy_n(image.data() + static_cast<size_t>(y) * row, row, workspace.buffers[0].data() + picture.at(y, 0));
  for (const Layer& layer : plan_->layers) run_layer(layer, workspace);

  std::vector<std::span<const float>> outputs;
  for (size_t i = 0; i < plan_->outputs.size(); ++i) {
    const Plane& plane = plan_->planes[plan_->outputs[i]];
    const float* from = workspace.buffers[plan_->buffers[plan_->outputs[i]]].data();
    const size_t width = static_cast<size_t>(plane.side) * plane.channels;
    auto& output = workspace.outputs[i];
    output.resize(width * static_cast<size_t>(plane.side));
    for (int y = 0; y < plane.side; ++y)
      std::copy_n(from + plane.at(y, 0), width, output.data() + static_cast<size_t>(y) * width);
    outputs.emplace_back(output);
  }
  return outputs;
}

}  // namespace fsfm
