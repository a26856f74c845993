#include "data/augment/self_blend.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <string>

#include "base/error.h"
#include "face/region_map.h"

namespace fsfm {
namespace {

constexpr double kSmallestMask = 0.005;

bool belongs(BlendRegion region, uint8_t c) {
  switch (region) {
    case BlendRegion::face:
      return c >= kSkin && c <= kLowerLip;
    case BlendRegion::eyes:
      return c >= kRightBrow && c <= kLeftEye;
    case BlendRegion::nose:
      return c == kNose;
    case BlendRegion::mouth:
      return c >= kUpperLip && c <= kLowerLip;
    case BlendRegion::lower_face:
      return c >= kSkin && c <= kLowerLip;  // cut to the lower half below
  }
  return false;
}

// Convex hull of the region's pixels, as a 0/1 float mask: a face swap pastes a closed patch, not scattered parts.
cv::Mat region_mask(std::span<const uint8_t> parsing, int side, BlendRegion region) {
  std::vector<cv::Point> points;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      if (belongs(region, parsing[static_cast<size_t>(y) * side + x])) points.emplace_back(x, y);
  cv::Mat mask = cv::Mat::zeros(side, side, CV_32F);
  if (points.size() < 3) return mask;
  if (region == BlendRegion::lower_face) {
    const cv::Rect box = cv::boundingRect(points);
    const int middle = box.y + box.height / 2;
    std::erase_if(points, [&](const cv::Point& p) { return p.y < middle; });
    if (points.size() < 3) return mask;
  }
  std::vector<cv::Point> hull;
  cv::convexHull(points, hull);
  cv::fillConvexPoly(mask, hull, cv::Scalar(1.0));
  return mask;
}

cv::Mat smooth_noise(int side, double sigma, double amplitude, Rng& rng) {
  cv::Mat noise(side, side, CV_32F);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) noise.at<float>(y, x) = static_cast<float>(rng.uniform(-1, 1));
  cv::GaussianBlur(noise, noise, {}, sigma);
  double low, high;
  cv::minMaxLoc(noise, &low, &high);
  return noise * (amplitude / std::max({std::abs(low), std::abs(high), 1e-6}));
}

// Elastic deformation, growth or shrinkage, and a soft edge of random width: the mask of an unknown forgery tool.
cv::Mat deform(cv::Mat mask, Rng& rng) {
  const int side = mask.rows;
  const cv::Mat dx = smooth_noise(side, side / 24.0, side / 20.0, rng),
                dy = smooth_noise(side, side / 24.0, side / 20.0, rng);
  cv::Mat map_x(side, side, CV_32F), map_y(side, side, CV_32F);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      map_x.at<float>(y, x) = x + dx.at<float>(y, x);
      map_y.at<float>(y, x) = y + dy.at<float>(y, x);
    }
  cv::remap(mask, mask, map_x, map_y, cv::INTER_LINEAR);
  const int reach = 1 + static_cast<int>(rng.below(std::max(1, side / 24)));
  const cv::Mat kernel = cv::getStructuringElement(cv::MORPH_ELLIPSE, {2 * reach + 1, 2 * reach + 1});
  if (rng.chance(0.5))
    cv::dilate(mask, mask, kernel);
  else if (cv::countNonZero(mask > 0.5) > 4 * reach * reach * 4)
    cv::erode(mask, mask, kernel);
  cv::GaussianBlur(mask, mask, {}, rng.uniform(side / 100.0, side / 22.0));
  static constexpr std::array<double, 6> kOpacity = {0.25, 0.5, 0.75, 1, 1, 1};
  double low, high;
  cv::minMaxLoc(mask, &low, &high);
  return high > 0 ? cv::Mat(mask * (kOpacity[rng.below(kOpacity.size())] / high)) : mask;
}

// Colour, contrast and sharpness as another camera or renderer would leave them.
cv::Mat jitter(const cv::Mat& rgb, Rng& rng) {
  cv::Mat out;
  rgb.convertTo(out, CV_32FC3);
  if (rng.chance(0.5)) out += cv::Scalar(rng.uniform(-20, 20), rng.uniform(-20, 20), rng.uniform(-20, 20));
  if (rng.chance(0.5)) {
    const cv::Scalar mean = cv::mean(out);
    out = (out - mean) * rng.uniform(0.8, 1.2) + mean + cv::Scalar::all(rng.uniform(-20, 20));
  }
  if (rng.chance(0.5)) {
    cv::Mat grey;
    cv::cvtColor(out, grey, cv::COLOR_RGB2GRAY);
    cv::cvtColor(grey, grey, cv::COLOR_GRAY2RGB);
    const double saturation = rng.uniform(0.6, 1.4);
    cv::addWeighted(out, saturation, grey, 1 - saturation, 0, out);
  }
  if (rng.chance(0.5)) {  // resampled by the forgery, or sharpened after it
    const int factor = 2 + static_cast<int>(rng.below(3));
    cv::Mat small;
    cv::resize(out, small, {std::max(1, out.cols / factor), std::max(1, out.rows / factor)}, 0, 0, cv::INTER_AREA);
    cv::resize(small, out, out.size(), 0, 0, cv::INTER_CUBIC);
  } else {
    cv::Mat soft;
    cv::GaussianBlur(out, soft, {}, out.rows / 160.0 + 0.5);
    const double amount = rng.uniform(0.3, 1.0);
    cv::addWeighted(out, 1 + amount, soft, -amount, 0, out);
  }
  return out;
}

cv::Mat shift_and_scale(const cv::Mat& rgb, Rng& rng) {
  const double scale = rng.uniform(0.95, 1.05), cx = rgb.cols / 2.0, cy = rgb.rows / 2.0;
  const double tx = rng.uniform(-0.03, 0.03) * rgb.cols, ty = rng.uniform(-0.015, 0.015) * rgb.rows;
  const cv::Matx23d matrix(scale, 0, cx - scale * cx + tx, 0, scale, cy - scale * cy + ty);
  cv::Mat out;
  cv::warpAffine(rgb, out, matrix, rgb.size(), cv::INTER_LINEAR, cv::BORDER_REFLECT_101);
  return out;
}

}  // namespace

std::string_view blend_region_name(BlendRegion region) {
  static constexpr std::array<std::string_view, 5> kNames = {"face", "eyes", "nose", "mouth", "lower face"};
  return kNames[static_cast<size_t>(region)];
}

bool can_self_blend(std::span<const uint8_t> parsing, int parsing_side) {
  return cv::sum(region_mask(parsing, parsing_side, BlendRegion::face))[0] >=
         kSmallestMask * parsing_side * parsing_side;
}

std::optional<SelfBlended> self_blend(const Image& image, std::span<const uint8_t> parsing, int parsing_side, Rng& rng,
                                      const SelfBlendOptions& options) {
  if (parsing_side < 1 || parsing.size() != static_cast<size_t>(parsing_side) * parsing_side)
    throw Error("self-blending needs a square class map, got " + std::to_string(parsing.size()) +
                " values for a side of " + std::to_string(parsing_side));
  BlendRegion region = BlendRegion::face;
  if (rng.chance(options.single_region)) region = static_cast<BlendRegion>(1 + rng.below(4));
  const double smallest = kSmallestMask * parsing_side * parsing_side;
  cv::Mat mask = region_mask(parsing, parsing_side, region);
  if (cv::sum(mask)[0] < smallest && region != BlendRegion::face) {
    region = BlendRegion::face;
    mask = region_mask(parsing, parsing_side, region);
  }
  if (cv::sum(mask)[0] < smallest) return std::nullopt;
  mask = deform(mask, rng);

  const cv::Mat original(image.height, image.width, CV_8UC3, const_cast<uint8_t*>(image.rgb.data()));
  cv::resize(mask, mask, original.size(), 0, 0, cv::INTER_LINEAR);
  cv::Mat target, source;
  original.convertTo(target, CV_32FC3);
  source = target.clone();
  // Which of the two carries the statistical difference is a coin toss, so that neither look alone means "fake".
  (rng.chance(0.5) ? source : target) = jitter(original, rng);
  source = shift_and_scale(source, rng);

  cv::Mat alpha;
  cv::cvtColor(mask, alpha, cv::COLOR_GRAY2RGB);
  const cv::Mat mixed = target + alpha.mul(source - target);
  SelfBlended result{Image(image.width, image.height),
                     std::vector<uint8_t>(static_cast<size_t>(image.width) * image.height), region};
  cv::Mat out(image.height, image.width, CV_8UC3, result.image.rgb.data());
  mixed.convertTo(out, CV_8UC3);
  cv::Mat out_alpha(image.height, image.width, CV_8U, result.alpha.data());
  mask.convertTo(out_alpha, CV_8U, 255);
  return result;
}

}  // namespace fsfm
