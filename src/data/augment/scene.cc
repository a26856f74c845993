#include "data/augment/scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>

namespace fsfm {

Image tilted(const Image& image, double degrees) {
  if (image.empty() || degrees == 0) return image;
  Image out(image.width, image.height);
  const cv::Mat in(image.height, image.width, CV_8UC3, const_cast<uint8_t*>(image.rgb.data()));
  cv::Mat target(out.height, out.width, CV_8UC3, out.rgb.data());
  const cv::Point2f centre(static_cast<float>(image.width - 1) / 2, static_cast<float>(image.height - 1) / 2);
  cv::warpAffine(in, target, cv::getRotationMatrix2D(centre, degrees, 1.0), target.size(), cv::INTER_LINEAR,
                 cv::BORDER_REFLECT_101);
  return out;
}

void light_from_two_sides(Image& image, double spread, Rng& rng) {
  if (image.empty() || spread == 0) return;
  const double angle = rng.uniform(0, 2 * std::numbers::pi), c = std::cos(angle), s = std::sin(angle);
  std::array<double, 3> first, second;
  for (double& gain : first) gain = std::exp(spread * rng.normal());
  for (double& gain : second) gain = std::exp(spread * rng.normal());
  for (int y = 0; y < image.height; ++y) {
    uint8_t* row = image.row(y);
    const double v = (y + 0.5) / image.height - 0.5;
    for (int x = 0; x < image.width; ++x) {
      const double u = (x + 0.5) / image.width - 0.5;
      const double along = std::clamp(0.5 + c * u + s * v, 0.0, 1.0);  // 0 at one side, 1 at the other
      for (size_t channel = 0; channel < 3; ++channel) {
        uint8_t& value = row[3 * x + static_cast<int>(channel)];
        const double gain = first[channel] + (second[channel] - first[channel]) * along;
        value = static_cast<uint8_t>(std::min(value * gain + 0.5, 255.0));
      }
    }
  }
}

}  // namespace fsfm
