#include "train/parser/parse_augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>
#include <utility>
#include <vector>

#include "face/region_map.h"
#include "face/sides.h"
#include "media/codec.h"

namespace fsfm {
namespace {

// Where the pixels of a view come from.
struct Geometry {
  double scale = 1, angle = 0, stretch = 1;  // scale > 1 shows the face larger; angle in degrees
  double dx = 0, dy = 0;                     // shift of the centre, in source pixels
  double px = 0, py = 0;                     // perspective
  bool mirror = false;
};

// Maps target pixels to source pixels; a homography, so that perspective comes for free.
cv::Matx33d homography(const Geometry& g, const LabelledFace& face, int size) {
  const double angle = g.angle * std::numbers::pi / 180;
  const double side = std::max(face.image.width, face.image.height);
  const cv::Matx33d centre(1, 0, -(size - 1) / 2.0, 0, 1, -(size - 1) / 2.0, 0, 0, 1);
  const cv::Matx33d perspective(1, 0, 0, 0, 1, 0, g.px / size, g.py / size, 1);
  const double k = side / size / g.scale, flip = g.mirror ? -1 : 1;
  const cv::Matx33d rotate(flip * std::cos(angle) * k * g.stretch, -flip * std::sin(angle) * k / g.stretch,
                           (face.image.width - 1) / 2.0 + g.dx, std::sin(angle) * k * g.stretch,
                           std::cos(angle) * k / g.stretch, (face.image.height - 1) / 2.0 + g.dy, 0, 0, 1);
  return rotate * perspective * centre;
}

Geometry random_geometry(const LabelledFace& face, Rng& rng) {
  Geometry g;
  g.mirror = rng.chance(0.5);
  g.scale = std::exp(rng.uniform(std::log(0.7), std::log(1.7)));
  g.angle = rng.chance(0.7) ? rng.normal() * 12 : rng.uniform(-30, 30);
  if (rng.chance(0.02)) g.angle += rng.chance(0.5) ? 90 : -90;
  g.stretch = std::exp(rng.normal() * 0.08);
  const double side = std::max(face.image.width, face.image.height), shift = 0.12 * side / std::min(g.scale, 1.3);
  g.dx = rng.uniform(-shift, shift);
  g.dy = rng.uniform(-shift, shift) + (g.scale > 1 ? 0.06 * side * (g.scale - 1) : 0);
  if (rng.chance(0.5)) g.px = rng.normal() * 0.12;
  if (rng.chance(0.5)) g.py = rng.normal() * 0.12;
  return g;
}

void change_light(cv::Mat& image, Rng& rng) {
  const double gamma = std::exp(rng.normal() * (rng.chance(0.3) ? 0.6 : 0.25));
  const double gain = rng.chance(0.25) ? rng.uniform(0.15, 0.7) : std::exp(rng.normal() * 0.15);
  const double contrast = std::exp(rng.normal() * 0.2);
  cv::Mat table(1, 256, CV_8UC3);
  std::array<double, 3> tint;
  for (auto& t : tint) t = std::exp(rng.normal() * 0.08);
  for (int v = 0; v < 256; ++v) {
    const double light = (std::pow(v / 255.0, gamma) * gain - 0.45) * contrast + 0.45;
    for (int c = 0; c < 3; ++c) table.at<cv::Vec3b>(v)[c] = cv::saturate_cast<uint8_t>(light * tint[c] * 255);
  }
  cv::LUT(image, table, image);
}

void change_colour(cv::Mat& image, Rng& rng) {
  const double saturation = rng.chance(0.2) ? 0.0 : std::exp(rng.normal() * 0.35);
  const double r = .299 * (1 - saturation), g = .587 * (1 - saturation), b = .114 * (1 - saturation), s = saturation;
  const cv::Matx33d mix(r + s, g, b, r, g + s, b, r, g, b + s);
  cv::transform(image, image, mix);
}

// One side of the face darker or brighter than the other.
void cast_shadow(cv::Mat& image, Rng& rng) {
  const double angle = rng.uniform(0, 2 * std::numbers::pi), strength = rng.uniform(0.2, 0.8);
  const double nx = std::cos(angle) / image.cols, ny = std::sin(angle) / image.rows, edge = rng.uniform(-0.25, 0.25);
  const double softness = rng.uniform(4, 20);
  for (int y = 0; y < image.rows; ++y) {
    auto* row = image.ptr<cv::Vec3b>(y);
    for (int x = 0; x < image.cols; ++x) {
      const double d = nx * (x - image.cols / 2.0) + ny * (y - image.rows / 2.0) - edge;
      const int factor = static_cast<int>(256 * (1 - strength / (1 + std::exp(-softness * d))));
      for (int c = 0; c < 3; ++c) row[x][c] = static_cast<uint8_t>(row[x][c] * factor >> 8);
    }
  }
}

void blur_or_shrink(cv::Mat& image, Rng& rng) {
  const double unit = image.cols / 224.0;
  if (rng.chance(0.2)) {
    cv::GaussianBlur(image, image, {}, rng.uniform(0.5, 3.0) * unit);
  } else if (rng.chance(0.12)) {
    const int length = 3 + 2 * static_cast<int>(rng.below(6));
    cv::Mat kernel = cv::Mat::zeros(length, length, CV_32F);
    const double angle = rng.uniform(0, std::numbers::pi);
    const cv::Point2d half(std::cos(angle) * length / 2, std::sin(angle) * length / 2), mid(length / 2, length / 2);
    cv::line(kernel, mid - half, mid + half, cv::Scalar(1));
    cv::filter2D(image, image, -1, kernel / std::max(1.0, cv::sum(kernel)[0]));
  }
  if (rng.chance(0.35)) {
    static constexpr int kUp[] = {cv::INTER_LINEAR, cv::INTER_CUBIC, cv::INTER_NEAREST};
    const int small = std::max(16, static_cast<int>(image.cols * std::exp(rng.uniform(std::log(0.14), std::log(0.8)))));
    const cv::Size full = image.size();
    cv::resize(image, image, {small, small}, 0, 0, rng.chance(0.6) ? cv::INTER_AREA : cv::INTER_LINEAR);
    cv::resize(image, image, full, 0, 0, kUp[rng.below(20) == 0 ? 2 : rng.below(2)]);
  }
}

void add_noise(cv::Mat& image, Rng& rng) {
  const double sigma = std::abs(rng.normal()) * 10;
  cv::Mat noise(image.size(), CV_16SC3), wide;
  cv::RNG generator(rng.next());
  generator.fill(noise, cv::RNG::NORMAL, 0, sigma);
  cv::add(image, noise, wide, cv::noArray(), CV_16S);
  wide.convertTo(image, CV_8U);
}

void recompress(cv::Mat& image, Rng& rng) {
  Image picture(image.cols, image.rows);
  image.copyTo(cv::Mat(image.rows, image.cols, CV_8UC3, picture.rgb.data()));
  Image again = decode_image(encode_jpeg(picture, 15 + static_cast<int>(rng.below(75))), "a training view");
  cv::Mat(image.rows, image.cols, CV_8UC3, again.rgb.data()).copyTo(image);
}

// A rotated rectangle or ellipse of one colour or noise, as a hand, a cup or a caption would.
void hide_a_part(cv::Mat& image, cv::Mat& classes, Rng& rng) {
  cv::Mat mask = cv::Mat::zeros(image.size(), CV_8U);
  const auto where = [&] { return static_cast<float>(rng.uniform(0, image.cols)); };
  const auto extent = [&] { return static_cast<float>(image.cols * rng.uniform(0.08, 0.35)); };
  const cv::RotatedRect shape({where(), where()}, {extent(), extent()}, static_cast<float>(rng.uniform(0, 180)));
  if (rng.chance(0.5)) {
    cv::ellipse(mask, shape, cv::Scalar(255), cv::FILLED);
  } else {
    cv::Point2f corners[4];
    shape.points(corners);
    std::vector<cv::Point> polygon(corners, corners + 4);
    cv::fillConvexPoly(mask, polygon, cv::Scalar(255));
  }
  cv::Mat cover(image.size(), CV_8UC3, cv::Scalar(rng.below(256), rng.below(256), rng.below(256)));
  if (rng.chance(0.5)) {
    cv::RNG generator(rng.next());
    cv::Mat texture(8, 8, CV_8UC3);
    generator.fill(texture, cv::RNG::UNIFORM, 0, 256);
    cv::resize(texture, texture, image.size(), 0, 0, cv::INTER_CUBIC);
    cv::addWeighted(cover, 0.6, texture, 0.4, 0, cover);
  }
  cover.copyTo(image, mask);
  classes.setTo(kIgnoredClass, mask);
}

// The picture and its labels seen through `geometry`, the labels of a mirrored face with their sides exchanged.
std::pair<cv::Mat, cv::Mat> warp(const LabelledFace& face, int size, const Geometry& geometry, int border, int fill) {
  const cv::Mat source(face.image.height, face.image.width, CV_8UC3, const_cast<uint8_t*>(face.image.rgb.data()));
  const cv::Mat labels(face.image.height, face.image.width, CV_8U, const_cast<uint8_t*>(face.classes.data()));
  const auto map = homography(geometry, face, size);
  cv::Mat image, classes;
  cv::warpPerspective(source, image, map, {size, size}, cv::INTER_LINEAR | cv::WARP_INVERSE_MAP, border,
                      cv::Scalar::all(fill));
  cv::warpPerspective(labels, classes, map, {size, size}, cv::INTER_NEAREST | cv::WARP_INVERSE_MAP, cv::BORDER_CONSTANT,
                      cv::Scalar(kIgnoredClass));
  if (geometry.mirror) {
    for (auto& c : cv::Mat_<uint8_t>(classes)) c = mirrored_class(c);
  }
  return {image, classes};
}

LabelledFace labelled(const std::string& name, const cv::Mat& image, const cv::Mat& classes) {
  LabelledFace view{name, Image(image.cols, image.rows), {}};
  image.copyTo(cv::Mat(image.rows, image.cols, CV_8UC3, view.image.rgb.data()));
  view.classes.assign(classes.begin<uint8_t>(), classes.end<uint8_t>());
  return view;
}

}  // namespace

LabelledFace random_view(const LabelledFace& face, int size, Rng& rng) {
  const auto geometry = random_geometry(face, rng);
  const int border = rng.chance(0.5) ? cv::BORDER_REFLECT_101 : cv::BORDER_CONSTANT;
  auto [image, classes] = warp(face, size, geometry, border, rng.chance(0.5) ? 0 : static_cast<int>(rng.below(256)));
  // Some views stay clean, so that the network also sees its subject as it is.
  if (rng.chance(0.65)) {
    if (rng.chance(0.35)) hide_a_part(image, classes, rng);
    if (rng.chance(0.35)) change_colour(image, rng);
    if (rng.chance(0.9)) change_light(image, rng);
    if (rng.chance(0.25)) cast_shadow(image, rng);
    blur_or_shrink(image, rng);
    if (rng.chance(0.3)) add_noise(image, rng);
    if (rng.chance(0.4)) recompress(image, rng);
  }
  return labelled(face.name, image, classes);
}

LabelledFace plain_view(const LabelledFace& face, int size, Rng& rng) {
  const double shift = 0.03 * std::max(face.image.width, face.image.height);
  Geometry geometry;
  geometry.mirror = rng.chance(0.5);
  geometry.scale = rng.uniform(0.9, 1.15);
  geometry.angle = rng.normal() * 4;
  geometry.dx = rng.uniform(-shift, shift);
  geometry.dy = rng.uniform(-shift, shift);
  auto [image, classes] = warp(face, size, geometry, cv::BORDER_CONSTANT, 0);
  if (rng.chance(0.2)) change_light(image, rng);
  if (rng.chance(0.15)) recompress(image, rng);
  return labelled(face.name, image, classes);
}

}  // namespace fsfm
