#include "media/preprocess.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace fsfm {
namespace {

constexpr std::pair<std::string_view, Kernel> kPrefixes[] = {
    {"pillow-bicubic-", Kernel::bicubic}, {"pillow-bilinear-", Kernel::bilinear}, {"pillow-lanczos-", Kernel::lanczos}};

int parse_side(const std::string& text, const std::string& name) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < 1 || value > 8192)
    throw Error("unknown transform '" + name + "'",
                "use pillow-bicubic-R-crop-S or pillow-bicubic-S, such as pillow-bicubic-256-crop-224");
  return value;
}

// Weights of the four neighbours of a point at fraction t between the middle two, a = -0.75.
std::array<float, 4> cubic_weights(float t) {
  constexpr float a = -0.75f;
  const auto near = [](float x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](float x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

struct CubicTap {
  std::array<int, 4> index;  // clamped to the picture
  std::array<float, 4> weight;
};

std::vector<CubicTap> cubic_taps(int in, int out) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  std::vector<CubicTap> taps(out);
  for (int i = 0; i < out; ++i) {
    const float position = scale * (static_cast<float>(i) + 0.5f) - 0.5f;
    const float floor = std::floor(position);
    taps[i].weight = cubic_weights(position - floor);
    for (int k = 0; k < 4; ++k) taps[i].index[k] = std::clamp(static_cast<int>(floor) - 1 + k, 0, in - 1);
  }
  return taps;
}

}  // namespace

void normalize_to_chw(const Image& image, const Normalization& norm, std::span<float> out) {
  const size_t plane = static_cast<size_t>(image.width) * image.height;
  if (out.size() != plane * 3) throw InternalError("normalize_to_chw: the output does not hold the picture");
  // 256 possible values a channel: a table keeps the exact order of operations of the training stack and costs a load.
  std::array<std::array<float, 256>, 3> table;
  for (int c = 0; c < 3; ++c)
    for (int v = 0; v < 256; ++v) table[c][v] = (static_cast<float>(v) / 255.0f - norm.mean[c]) / norm.std[c];
  const uint8_t* in = image.rgb.data();
  float *r = out.data(), *g = r + plane, *b = g + plane;
  for (size_t i = 0; i < plane; ++i, in += 3) {
    r[i] = table[0][in[0]];
    g[i] = table[1][in[1]];
    b[i] = table[2][in[2]];
  }
}

Image denormalize_from_chw(std::span<const float> chw, int width, int height, const Normalization& norm) {
  const size_t plane = static_cast<size_t>(width) * height;
  if (chw.size() != plane * 3) throw InternalError("denormalize_from_chw: the input does not hold the picture");
  Image image(width, height);
  for (int c = 0; c < 3; ++c)
    for (size_t i = 0; i < plane; ++i) {
      const float value = (chw[c * plane + i] * norm.std[c] + norm.mean[c]) * 255.0f;
      image.rgb[i * 3 + c] = static_cast<uint8_t>(std::clamp(std::isfinite(value) ? value : 0.0f, 0.0f, 255.0f) + 0.5f);
    }
  return image;
}

Transform Transform::parse(const std::string& name) {
  Transform transform;
  std::string rest;
  for (const auto& [prefix, kernel] : kPrefixes)
    if (name.starts_with(prefix)) {
      rest = name.substr(prefix.size());
      transform.kernel = kernel;
    }
  const auto parts = split(rest, '-');
  if (parts.size() == 1) {
    transform.center_crop = false;
    transform.resize = transform.size = parse_side(parts[0], name);
  } else if (parts.size() == 3 && parts[1] == "crop") {
    transform.resize = parse_side(parts[0], name);
    transform.size = parse_side(parts[2], name);
  } else {
    parse_side("", name);
  }
  return transform;
}

std::string Transform::name() const {
  std::string text;
  for (const auto& [prefix, known] : kPrefixes)
    if (known == kernel) text = prefix;
  return text + (center_crop ? std::to_string(resize) + "-crop-" : "") + std::to_string(size);
}

Image Transform::apply(const Image& image) const {
  if (!center_crop) return fsfm::resize(image, size, size, kernel);
  return fsfm::center_crop(resize_shorter(image, resize, kernel), size);
}

std::vector<float> resize_tensor_bicubic(std::span<const float> chw, int channels, int width, int height, int out_width,
                                         int out_height) {
  if (channels < 1 || width < 1 || height < 1 || out_width < 1 || out_height < 1 ||
      chw.size() != static_cast<size_t>(channels) * width * height)
    throw InternalError("resize_tensor_bicubic: the sizes do not fit the values");
  const auto columns = cubic_taps(width, out_width), rows = cubic_taps(height, out_height);
  std::vector<float> out(static_cast<size_t>(channels) * out_width * out_height);
  std::vector<float> wide(static_cast<size_t>(height) * out_width);  // one channel after the horizontal pass
  for (int c = 0; c < channels; ++c) {
    const float* in = chw.data() + static_cast<size_t>(c) * width * height;
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < out_width; ++x) {
        const auto& [index, weight] = columns[x];
        const float* row = in + static_cast<size_t>(y) * width;
        wide[static_cast<size_t>(y) * out_width + x] = row[index[0]] * weight[0] + row[index[1]] * weight[1] +
                                                       row[index[2]] * weight[2] + row[index[3]] * weight[3];
      }
    float* target = out.data() + static_cast<size_t>(c) * out_width * out_height;
    for (int y = 0; y < out_height; ++y)
      for (int x = 0; x < out_width; ++x) {
        const auto& [index, weight] = rows[y];
        float sum = 0;
        for (int k = 0; k < 4; ++k) sum += wide[static_cast<size_t>(index[k]) * out_width + x] * weight[k];
        target[static_cast<size_t>(y) * out_width + x] = sum;
      }
  }
  return out;
}

}  // namespace fsfm
