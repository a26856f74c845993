#include "face/onnx_detectors.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"
#include "face/detectors.h"

namespace fsfm {
namespace {

constexpr int kInputSide = 640;  // what both families are exported for
constexpr float kMinScore = 0.6f, kOverlap = 0.4f;
constexpr std::array<int, 3> kStrides = {8, 16, 32};

const OnnxNet::Output* with_size(const std::vector<OnnxNet::Output>& outputs, size_t rows, int columns) {
  for (const auto& output : outputs)
    if (output.values.size() == rows * static_cast<size_t>(columns) && !output.shape.empty() &&
        (output.shape.back() == columns || columns == 1))
      return &output;
  return nullptr;
}

const OnnxNet::Output* named(const std::vector<OnnxNet::Output>& outputs, const std::string& name, size_t size) {
  for (const auto& output : outputs)
    if (output.name == name && output.values.size() == size) return &output;
  return nullptr;
}

// Five points (right eye, left eye, nose, right and left corner of the mouth) -> the order of Face.
std::vector<Point> face_points(const std::array<Point, 5>& p) {
  return {p[0], p[1], p[2], {(p[3].x + p[4].x) / 2, (p[3].y + p[4].y) / 2}};
}

// A network of either family on the whole picture, letterboxed.
class OnnxDetector final : public FaceDetector {
 public:
  using Decode = std::vector<Detection> (*)(const std::vector<OnnxNet::Output>&, int, float);

  OnnxDetector(const std::string& family, const std::filesystem::path& file, bool bgr, float mean, float scale, Decode decode)
      : name_(family + ":" + file.string()), file_(file), bgr_(bgr), mean_(mean), scale_(scale), decode_(decode), net_(file) {
    detect(Image(kInputSide, kInputSide));  // a file of another kind is refused here, not at the first picture
  }

  std::string name() const override { return name_; }

  std::vector<Face> detect(const Image& image) override {
    if (image.empty()) return {};
    const int longer = std::max(image.width, image.height);
    const int left = (image.width - longer) / 2, top = (image.height - longer) / 2;
    const Image input = sample_square(image, left, top, longer, kInputSide);
    constexpr size_t kPlane = static_cast<size_t>(kInputSide) * kInputSide;
    tensor_.resize(3 * kPlane);
    for (size_t i = 0; i < kPlane; ++i)
      for (size_t c = 0; c < 3; ++c)
        tensor_[c * kPlane + i] = (static_cast<float>(input.rgb[3 * i + (bgr_ ? 2 - c : c)]) - mean_) * scale_;
    const auto outputs = net_.run(tensor_, {1, 3, kInputSide, kInputSide});
    std::vector<Detection> found;
    try {
      found = decode_(outputs, kInputSide, kMinScore);
    } catch (const Error& error) {
      throw Error(file_.string() + ": " + error.what());
    }
    const float scale = static_cast<float>(longer) / kInputSide;
    const auto to_picture = [&](float& x, float& y) {
      x = static_cast<float>(left) + x * scale;
      y = static_cast<float>(top) + y * scale;
    };
    for (Detection& d : found) {
      to_picture(d.left, d.top);
      to_picture(d.right, d.bottom);
      for (Point& p : d.keypoints) to_picture(p.x, p.y);
    }
    return to_faces(image, suppress(std::move(found), kOverlap, false));
  }

 private:
  std::string name_;
  std::filesystem::path file_;
  bool bgr_;
  float mean_, scale_;
  Decode decode_;
  OnnxNet net_;
  std::vector<float> tensor_;  // [1, 3, kInputSide, kInputSide]
};

}  // namespace

std::vector<Detection> decode_yunet(const std::vector<OnnxNet::Output>& outputs, int side, float min_score) {
  std::vector<Detection> found;
  for (const int stride : kStrides) {
    const int cells = side / stride;
    const size_t count = static_cast<size_t>(cells) * cells;
    const std::string suffix = fmt::format("_{}", stride);
    const auto* cls = named(outputs, "cls" + suffix, count);
    const auto* obj = named(outputs, "obj" + suffix, count);
    const auto* box = named(outputs, "bbox" + suffix, count * 4);
    const auto* kps = named(outputs, "kps" + suffix, count * 10);
    if (!cls || !obj || !box || !kps)
      throw Error("the network's outputs are not YuNet's", "use face_detection_yunet_2023mar.onnx of OpenCV's model zoo");
    const auto unit = static_cast<float>(stride);
    for (size_t i = 0; i < count; ++i) {
      const float score = std::sqrt(std::clamp(cls->values[i], 0.f, 1.f) * std::clamp(obj->values[i], 0.f, 1.f));
      if (!(score >= min_score)) continue;
      const auto column = static_cast<float>(i % cells), row = static_cast<float>(i / cells);
      const float* b = &box->values[4 * i];
      const float x = (column + b[0]) * unit, y = (row + b[1]) * unit;
      const float width = std::exp(b[2]) * unit, height = std::exp(b[3]) * unit;
      std::array<Point, 5> points;
      for (size_t k = 0; k < 5; ++k)
        points[k] = {(column + kps->values[10 * i + 2 * k]) * unit, (row + kps->values[10 * i + 2 * k + 1]) * unit};
      found.push_back({x - width / 2, y - height / 2, x + width / 2, y + height / 2, score, face_points(points)});
    }
  }
  return found;
}

std::vector<Detection> decode_scrfd(const std::vector<OnnxNet::Output>& outputs, int side, float min_score) {
  constexpr int kAnchors = 2;
  std::vector<Detection> found;
  for (const int stride : kStrides) {
    const int cells = side / stride;
    const size_t count = static_cast<size_t>(cells) * cells * kAnchors;
    const auto* scores = with_size(outputs, count, 1);
    const auto* boxes = with_size(outputs, count, 4);
    const auto* points = with_size(outputs, count, 10);
    if (!scores || !boxes)
      throw Error("the network's outputs are not SCRFD's for a 640 x 640 input", "use InsightFace's export with that fixed size");
    const auto unit = static_cast<float>(stride);
    for (size_t i = 0; i < count; ++i) {
      const float score = scores->values[i];
      if (!(score >= min_score)) continue;
      const float x = static_cast<float>(i / kAnchors % cells) * unit, y = static_cast<float>(i / kAnchors / cells) * unit;
      const float* b = &boxes->values[4 * i];  // distances from the anchor to the four sides, in strides
      Detection d{x - b[0] * unit, y - b[1] * unit, x + b[2] * unit, y + b[3] * unit, score, {}};
      if (points) {
        std::array<Point, 5> five;
        for (size_t k = 0; k < 5; ++k)
          five[k] = {x + points->values[10 * i + 2 * k] * unit, y + points->values[10 * i + 2 * k + 1] * unit};
        d.keypoints = face_points(five);
      }
      found.push_back(std::move(d));
    }
  }
  return found;
}

std::unique_ptr<FaceDetector> make_yunet(const std::filesystem::path& onnx) {
  return std::make_unique<OnnxDetector>("yunet", onnx, true, 0.f, 1.f, decode_yunet);
}

std::unique_ptr<FaceDetector> make_scrfd(const std::filesystem::path& onnx) {
  return std::make_unique<OnnxDetector>("scrfd", onnx, false, 127.5f, 1 / 128.f, decode_scrfd);
}

}  // namespace fsfm
