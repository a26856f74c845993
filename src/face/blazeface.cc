// BlazeFace (Bazarevsky et al. 2019): a single-shot network with 896 anchors and six key points, as MediaPipe released
// it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "engine/separable_net.h"
#include "face/detections.h"
#include "face/face_detectors.h"
#include "media/resize.h"
#include "model/models_dir.h"

namespace fsfm {
namespace {

struct ModelInfo {
  const char *name, *file;
  int side;  // of the square input
};
constexpr ModelInfo kModels[] = {{"blazeface", "blazeface-back-256.onnx", 256},
                                 {"blazeface-front", "blazeface-front-128.onnx", 128}};
const ModelInfo& info(BlazeFaceModel model) { return kModels[static_cast<size_t>(model)]; }

constexpr int kValues = 16;            // x, y, width, height, then six key points
constexpr float kMinScore = 0.5f;      // in the whole picture
constexpr float kMinTileScore = 0.7f;  // in a tile, where parts of bodies and things fill the view more often, and in
                                       // a view with less detail, where blurred things look like faces
constexpr float kOverlap = 0.3f;
constexpr float kLargest = 0.5f;  // side of a face over the longer side of its view

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

// A square view of the picture.
struct View {
  int left, top, side;
  bool tile;
};

// Where to look: the whole picture, then per level overlapping tiles 4/7 and 4/13 of its longer side (2 and 4 of them a
// row, a quarter of a tile shared by neighbours). Tiles are never smaller than the network's input: there is nothing to
// be seen in enlarged pixels.
std::vector<View> views_of(const Image& image, int levels, int input_side) {
  const int longer = std::max(image.width, image.height);
  std::vector<View> views = {{(image.width - longer) / 2, (image.height - longer) / 2, longer, false}};
  for (int level = 1, across = 2; level <= levels; ++level, across *= 2) {
    const int side = static_cast<int>(std::ceil(longer / (1 + 0.75 * (across - 1))));
    if (side < input_side) break;
    const auto starts = [&](int length) {
      const int count = length <= side ? 1 : static_cast<int>(std::ceil((length - side) / (0.75 * side) - 1e-6)) + 1;
      std::vector<int> at;
      for (int i = 0; i < count; ++i)
        at.push_back(count == 1 ? (length - side) / 2 : static_cast<int>(int64_t{length - side} * i / (count - 1)));
      return at;
    };
    for (const int top : starts(image.height))
      for (const int left : starts(image.width)) views.push_back({left, top, side, true});
  }
  return views;
}

class BlazeFace final : public FaceDetector {
 public:
  BlazeFace(BlazeFaceModel model, int tile_levels, int threads)
      : info_(info(model)),
        tile_levels_(tile_levels),
        net_(require_model(info_.file), info_.side),
        workspaces_(static_cast<size_t>(std::min(thread_count(threads), kMostWorkers))) {
    for (const auto& [cells, anchors] : {std::pair{16, 2}, {8, 6}})
      for (int i = 0; i < cells * cells * anchors; ++i) {
        const int cell = i / anchors;
        anchors_.push_back({(static_cast<float>(cell % cells) + .5f) / static_cast<float>(cells),
                            (static_cast<float>(cell / cells) + .5f) / static_cast<float>(cells)});
      }
  }

  std::string name() const override {
    return tile_levels_ == 1 ? std::string(info_.name) : fmt::format("{}:{}", info_.name, tile_levels_);
  }

  std::vector<Face> detect(const Image& image) override {
    if (image.empty()) return {};
    const std::vector<View> views = views_of(image, tile_levels_, info_.side);
    std::vector<std::vector<Detection>> by_view(views.size());
    parallel_for(views.size(), static_cast<int>(workspaces_.size()),
                 [&](size_t i, int worker) { search(image, views[i], by_view[i], 0, worker); });
    std::vector<Detection> found;
    for (auto& some : by_view) std::move(some.begin(), some.end(), std::back_inserter(found));
    // A face that fills the picture is larger than what the network knows: it is missed, or its parts are taken for
    // faces. Then the picture is looked at from further away.
    const int longer = std::max(image.width, image.height);
    const auto large = [&](const Detection& d) { return d.right - d.left > kLargest * static_cast<float>(longer); };
    const auto centred = [&](int side) {
      return View{(image.width - side) / 2, (image.height - side) / 2, side, false};
    };
    if (found.empty() || std::any_of(found.begin(), found.end(), large)) {
      std::vector<Detection> far;
      search(image, centred(longer + longer / 2), far);
      if (!far.empty()) found = std::move(far);
    }
    // The fine pattern of a screen or of a print hides a face from the network; less detail shows it again.
    for (const int detail : {info_.side / 2, info_.side / 4})
      for (const int side : {longer, longer + longer / 2})
        if (found.empty()) search(image, centred(side), found, detail);
    return to_faces(image, suppress(std::move(found), kOverlap, true));
  }

 private:
  static constexpr int kMostWorkers = 8;  // a picture has few more views than that

  // `detail`: side in pixels that the view is sampled at before it is enlarged to the network's input; 0 = that
  // input's.
  void search(const Image& image, const View& view, std::vector<Detection>& found, int detail = 0, int worker = 0) {
    Image input = sample_square(image, view.left, view.top, view.side, detail > 0 ? detail : info_.side);
    if (detail > 0) input = resize(input, info_.side, info_.side);
    std::vector<float> pixels(input.rgb.size());
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(input.rgb[i]) / 127.5f - 1;

    auto& workspace = workspaces_[static_cast<size_t>(worker)];
    if (!workspace) workspace = net_.make_workspace();
    std::span<const float> scores[2], boxes[2];
    constexpr size_t kAnchors[2] = {512, 384};
    for (const auto output : net_.run(pixels, *workspace))
      for (int g = 0; g < 2; ++g) {
        if (output.size() == kAnchors[g]) scores[g] = output;
        if (output.size() == kAnchors[g] * kValues) boxes[g] = output;
      }
    if (scores[0].empty() || scores[1].empty() || boxes[0].empty() || boxes[1].empty())
      throw Error(std::string(info_.file) + ": this is no BlazeFace network");

    for (size_t i = 0; i < anchors_.size(); ++i) {
      const int g = i >= kAnchors[0];
      const size_t at = i - (g ? kAnchors[0] : 0);
      const float score = sigmoid(scores[g][at]);
      if (!(score >= (view.tile || detail > 0 ? kMinTileScore : kMinScore))) continue;
      decode(boxes[g].data() + at * kValues, anchors_[i], score, view, image, found);
    }
  }

  // Offsets are pixels of the input, relative to the anchor.
  void decode(const float* values, Point anchor, float score, const View& view, const Image& image,
              std::vector<Detection>& found) const {
    const float scale = static_cast<float>(view.side) / static_cast<float>(info_.side);
    const auto x = [&](float value) {
      return static_cast<float>(view.left) + anchor.x * static_cast<float>(view.side) + value * scale;
    };
    const auto y = [&](float value) {
      return static_cast<float>(view.top) + anchor.y * static_cast<float>(view.side) + value * scale;
    };
    Detection d;
    d.left = x(values[0] - values[2] / 2);
    d.right = x(values[0] + values[2] / 2);
    d.top = y(values[1] - values[3] / 2);
    d.bottom = y(values[1] + values[3] / 2);
    d.score = score;
    for (int k = 4; k < kValues; k += 2) d.keypoints.push_back({x(values[k]), y(values[k + 1])});
    if (view.tile && cut_by(view, d, image)) return;
    found.push_back(std::move(d));
  }

  // A face at a tile's inner border is seen whole by the neighbouring tile or in the picture.
  static bool cut_by(const View& view, const Detection& d, const Image& image) {
    return (view.left > 0 && d.left < static_cast<float>(view.left)) ||
           (view.top > 0 && d.top < static_cast<float>(view.top)) ||
           (view.left + view.side < image.width && d.right > static_cast<float>(view.left + view.side)) ||
           (view.top + view.side < image.height && d.bottom > static_cast<float>(view.top + view.side));
  }

  const ModelInfo& info_;
  int tile_levels_;
  SeparableNet net_;
  std::vector<SeparableNet::WorkspacePtr> workspaces_;  // of each worker, made when it first works
  std::vector<Point> anchors_;                          // centres, in units of the input
};

}  // namespace

std::unique_ptr<FaceDetector> make_blazeface(BlazeFaceModel model, int tile_levels, int threads) {
  return std::make_unique<BlazeFace>(model, tile_levels, threads);
}

bool blazeface_available(BlazeFaceModel model) { return !find_model(info(model).file).empty(); }

}  // namespace fsfm
