#include "face/onnx_detectors.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "face/face_detectors.h"
#include "tensorio/onnx_file.h"

namespace fsfm {
namespace {

constexpr int kInputSide = 640;  // what YuNet and SCRFD are exported for
constexpr float kMinScore = 0.6f, kOverlap = 0.4f;
constexpr std::array<int, 3> kStrides = {8, 16, 32};

using Output = OnnxNet::Output;

// "bbox_8 [12800x4], score_8 [12800x1]": what a network that is not understood does have.
std::string describe(const std::vector<Output>& outputs) {
  std::vector<std::string> parts;
  for (const auto& output : outputs) parts.push_back(fmt::format("{} [{}]", output.name, fmt::join(output.shape, "x")));
  return join(parts, ", ");
}

const Output* named(const std::vector<Output>& outputs, const std::string& name, size_t size) {
  for (const auto& output : outputs)
    if (output.name == name && output.values.size() == size) return &output;
  return nullptr;
}

// How the values of an output lie in memory.
enum class Order {
  rows,     // [..., N, columns], or [N] of one column
  columns,  // [..., columns, N]
  maps,     // [..., anchors * columns, H, W]
};

// A table of `rows` x `columns` in whatever order an export left it.
class Grid {
 public:
  Grid(const Output* output, Order order, size_t rows, size_t columns, size_t anchors)
      : output_(output), order_(order), rows_(rows), columns_(columns), anchors_(anchors) {}
  float at(size_t row, size_t column) const {
    if (order_ == Order::rows) return output_->values[row * columns_ + column];
    if (order_ == Order::columns) return output_->values[column * rows_ + row];
    return output_->values[(row % anchors_ * columns_ + column) * (rows_ / anchors_) + row / anchors_];
  }

 private:
  const Output* output_;
  Order order_;
  size_t rows_, columns_, anchors_;
};

// The order in which `output` can be a table of so many rows (cells x anchors) and columns; nullopt when it is none.
std::optional<Order> order_of(const Output& output, size_t rows, size_t columns, size_t anchors) {
  if (output.values.empty() || output.values.size() != rows * columns || output.shape.empty()) return std::nullopt;
  std::vector<size_t> shape;
  for (const int size : output.shape) shape.push_back(static_cast<size_t>(size));
  while (shape.size() > 1 && shape.front() == 1) shape.erase(shape.begin());  // the batch
  const size_t last = shape.back(), before = shape.size() > 1 ? shape[shape.size() - 2] : 1;
  if (last == columns && (shape.size() == 1 ? rows == 1 : before == rows)) return Order::rows;
  if (last == rows && (shape.size() == 1 ? columns == 1 : before == columns)) return Order::columns;
  const size_t cells = rows / anchors;
  if (shape.size() == 3 && shape[0] == anchors * columns && shape[1] * shape[2] == cells) return Order::maps;
  if (shape.size() == 3 && last == anchors * columns && shape[0] * shape[1] == cells) return Order::rows;
  return std::nullopt;
}

// True when the name ends in the number: "score_8", "bbox8"; not "448" for 8.
bool names_stride(const std::string& name, int stride) {
  const std::string number = std::to_string(stride);
  if (!name.ends_with(number)) return false;
  const std::string_view before = std::string_view(name).substr(0, name.size() - number.size());
  return !before.empty() && !std::isdigit(static_cast<unsigned char>(before.back()));
}

// The output with one of the names, else the only one that has the shape.
std::optional<Grid> find_grid(const std::vector<Output>& outputs, std::span<const std::string_view> names, int stride,
                              size_t rows, size_t columns, size_t anchors) {
  std::optional<Grid> by_shape;
  int candidates = 0;
  for (const auto& output : outputs) {
    const std::string name = to_lower(output.name);
    const bool named = names_stride(name, stride) &&
                       std::any_of(names.begin(), names.end(),
                                   [&](std::string_view word) { return name.find(word) != std::string::npos; });
    auto order = order_of(output, rows, columns, anchors);
    const auto is_one = [](int size) { return size == 1; };
    if (!order && named && output.values.size() == rows * columns &&
        std::count_if(output.shape.begin(), output.shape.end(), std::not_fn(is_one)) == 1)
      order = Order::rows;  // flattened
    if (!order) continue;
    const Grid grid(&output, *order, rows, columns, anchors);
    if (named) return grid;
    by_shape = grid;
    ++candidates;
  }
  return candidates == 1 ? by_shape : std::nullopt;
}

constexpr std::array<std::string_view, 4> kScoreNames = {"score", "cls", "conf", "prob"};
constexpr std::array<std::string_view, 3> kBoxNames = {"bbox", "box", "reg"};
constexpr std::array<std::string_view, 4> kPointNames = {"kps", "landmark", "lmk", "point"};

// Five points (right eye, left eye, nose, right and left corner of the mouth) -> the order of Face.
std::vector<Point> face_points(const std::array<Point, 5>& p) {
  return {p[0], p[1], p[2], {(p[3].x + p[4].x) / 2, (p[3].y + p[4].y) / 2}};
}

struct Size {
  int width, height;
};

struct Family {
  std::string name;
  bool bgr;
  float mean, scale;
  std::vector<Detection> (*decode)(const std::vector<Output>&, int width, int height, float min_score);
};

// The input size that the file fixes; `otherwise` where it leaves it open.
Size input_size(const std::filesystem::path& file, Size otherwise) {
  constexpr int64_t kLargest = 4096;
  const auto shape = onnx_input_shape(file);
  const bool fixed = shape.size() == 4 && shape[2] > 0 && shape[3] > 0 && shape[2] <= kLargest && shape[3] <= kLargest;
  return fixed ? Size{static_cast<int>(shape[3]), static_cast<int>(shape[2])} : otherwise;
}

// A network on the whole picture, letterboxed.
class OnnxDetector final : public FaceDetector {
 public:
  OnnxDetector(Family family, const std::filesystem::path& file, Size input)
      : family_(std::move(family)), file_(file), input_(input), net_(file) {
    detect(Image(input_.width, input_.height));  // a file of another kind is refused here, not at the first picture
  }

  std::string name() const override { return family_.name + ":" + file_.string(); }

  std::vector<Face> detect(const Image& image) override {
    if (image.empty()) return {};
    // A square as large as the network's longer side; its middle rows or columns are the input and hold the picture.
    const int size = std::max(input_.width, input_.height);
    const auto grown = [size](int length, int of) {
      return static_cast<int>((static_cast<int64_t>(length) * size + of - 1) / of);
    };
    const int side = std::max(grown(image.width, input_.width), grown(image.height, input_.height));
    const int left = (image.width - side) / 2, top = (image.height - side) / 2;
    const int skip_x = (size - input_.width) / 2, skip_y = (size - input_.height) / 2;
    const Image square = sample_square(image, left, top, side, size);
    const size_t plane = static_cast<size_t>(input_.width) * input_.height;
    tensor_.resize(3 * plane);
    for (int y = 0, i = 0; y < input_.height; ++y) {
      const uint8_t* pixel = square.row(y + skip_y) + 3 * skip_x;
      for (int x = 0; x < input_.width; ++x, ++i, pixel += 3)
        for (int c = 0; c < 3; ++c)
          tensor_[c * plane + i] = (static_cast<float>(pixel[family_.bgr ? 2 - c : c]) - family_.mean) * family_.scale;
    }
    const auto outputs = net_.run(tensor_, {1, 3, input_.height, input_.width});
    std::vector<Detection> found;
    try {
      found = family_.decode(outputs, input_.width, input_.height, kMinScore);
    } catch (const Error& error) {
      throw error.in(file_.string());
    }
    const float scale = static_cast<float>(side) / static_cast<float>(size);
    const auto to_picture = [&](float& x, float& y) {
      x = static_cast<float>(left) + (x + static_cast<float>(skip_x)) * scale;
      y = static_cast<float>(top) + (y + static_cast<float>(skip_y)) * scale;
    };
    for (Detection& d : found) {
      to_picture(d.left, d.top);
      to_picture(d.right, d.bottom);
      for (Point& p : d.keypoints) to_picture(p.x, p.y);
    }
    return to_faces(image, suppress(std::move(found), kOverlap, false));
  }

 private:
  Family family_;
  std::filesystem::path file_;
  Size input_;
  OnnxNet net_;
  std::vector<float> tensor_;  // [1, 3, input height, input width]
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
      throw Error("the network's outputs are not YuNet's: " + describe(outputs),
                  "use face_detection_yunet_2023mar.onnx of OpenCV's model zoo");
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
    const auto scores = find_grid(outputs, kScoreNames, stride, count, 1, kAnchors);
    const auto boxes = find_grid(outputs, kBoxNames, stride, count, 4, kAnchors);
    const auto points = find_grid(outputs, kPointNames, stride, count, 10, kAnchors);
    if (!scores || !boxes)
      throw Error(
          fmt::format("the network's outputs are not SCRFD's for a {0} x {0} input: {1}", side, describe(outputs)),
          "use InsightFace's export with a fixed size of 640 x 640");
    const auto unit = static_cast<float>(stride);
    for (size_t i = 0; i < count; ++i) {
      const float score = scores->at(i, 0);
      if (!(score >= min_score)) continue;
      const float x = static_cast<float>(i / kAnchors % cells) * unit,
                  y = static_cast<float>(i / kAnchors / cells) * unit;
      // Boxes are distances from the anchor to the four sides, in strides.
      Detection d{x - boxes->at(i, 0) * unit,
                  y - boxes->at(i, 1) * unit,
                  x + boxes->at(i, 2) * unit,
                  y + boxes->at(i, 3) * unit,
                  score,
                  {}};
      if (points) {
        std::array<Point, 5> five;
        for (size_t k = 0; k < 5; ++k) five[k] = {x + points->at(i, 2 * k) * unit, y + points->at(i, 2 * k + 1) * unit};
        d.keypoints = face_points(five);
      }
      found.push_back(std::move(d));
    }
  }
  return found;
}

std::vector<Detection> decode_ultraface(const std::vector<OnnxNet::Output>& outputs, int width, int height,
                                        float min_score) {
  // The number of priors is the network's own; it is the one for which two outputs are tables of 2 and of 4 columns.
  const auto grid = [&](std::string_view name, size_t columns, size_t rows) -> std::optional<Grid> {
    std::optional<Grid> by_shape;
    for (const auto& output : outputs)
      if (const auto order = order_of(output, rows, columns, 1); order && *order != Order::maps) {
        const Grid found(&output, *order, rows, columns, 1);
        if (to_lower(output.name).find(name) != std::string::npos) return found;
        if (!by_shape) by_shape = found;
      }
    return by_shape;
  };
  for (const auto& output : outputs) {
    const size_t rows = output.values.size() / 4;
    const auto scores = grid("score", 2, rows), boxes = grid("box", 4, rows);
    if (!scores || !boxes) continue;
    std::vector<Detection> found;
    for (size_t i = 0; i < rows; ++i) {
      const float score = scores->at(i, 1);
      if (!(score >= min_score)) continue;
      const auto w = static_cast<float>(width), h = static_cast<float>(height);
      found.push_back({boxes->at(i, 0) * w, boxes->at(i, 1) * h, boxes->at(i, 2) * w, boxes->at(i, 3) * h, score, {}});
    }
    return found;
  }
  throw Error("the network's outputs are not UltraFace's: " + describe(outputs),
              "use version-RFB-320.onnx, version-RFB-640.onnx or their like, with scores [1,N,2] and boxes [1,N,4]");
}

std::unique_ptr<FaceDetector> make_yunet(const std::filesystem::path& onnx) {
  const auto decode = [](const std::vector<Output>& outputs, int side, int, float min_score) {
    return decode_yunet(outputs, side, min_score);
  };
  return std::make_unique<OnnxDetector>(Family{"yunet", true, 0.f, 1.f, decode}, onnx, Size{kInputSide, kInputSide});
}

std::unique_ptr<FaceDetector> make_scrfd(const std::filesystem::path& onnx) {
  const auto decode = [](const std::vector<Output>& outputs, int side, int, float min_score) {
    return decode_scrfd(outputs, side, min_score);
  };
  return std::make_unique<OnnxDetector>(Family{"scrfd", false, 127.5f, 1 / 128.f, decode}, onnx,
                                        Size{kInputSide, kInputSide});
}

std::unique_ptr<FaceDetector> make_ultraface(const std::filesystem::path& onnx) {
  if (!is_plain_file(onnx)) throw Error(onnx.string() + ": no such network file");
  return std::make_unique<OnnxDetector>(Family{"ultraface", false, 127.f, 1 / 128.f, decode_ultraface}, onnx,
                                        input_size(onnx, {320, 240}));
}

}  // namespace fsfm
