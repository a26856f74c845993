// CPU inference of small separable convolutional networks from an ONNX file: face detectors of BlazeFace's kind.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace fsfm {

namespace separable {
struct Layer;
struct Plan;
}  // namespace separable

// Thread-safe: everything that a run writes lies in the caller's Workspace.
class SeparableNet {
 public:
  struct Workspace;  // of one thread at a time
  struct FreeWorkspace {
    void operator()(Workspace* workspace) const;
  };
  using WorkspacePtr = std::unique_ptr<Workspace, FreeWorkspace>;

  // Reads depthwise and pointwise convolutions with additions, ReLU and pooling between them, for pictures of
  // side x side. Throws Error naming the file for any other network.
  SeparableNet(const std::filesystem::path& onnx, int side);
  ~SeparableNet();
  SeparableNet(SeparableNet&&) noexcept;

  WorkspacePtr make_workspace() const;
  // image: [side, side, 3] floats (HWC) -> the network's outputs in the order of the file, each [height, width,
  // channels], valid until the next run with this workspace.
  std::vector<std::span<const float>> run(std::span<const float> image, Workspace& workspace) const;

 private:
  void run_layer(const separable::Layer& layer, Workspace& workspace) const;

  std::unique_ptr<const separable::Plan> plan_;
};

}  // namespace fsfm
