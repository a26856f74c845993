#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>

#include <algorithm>
#include <vector>

#include "face/face_detectors.h"
#include "face/face_quality.h"

namespace fsfm {
namespace {

// Enlarged pictures beyond this many pixels would take gigabytes: such pictures are searched at their own size.
constexpr int64_t kMostPixels = 100'000'000;

class DlibHog final : public FaceDetector {
 public:
  explicit DlibHog(int upsample) : upsample_(upsample), detector_(dlib::get_frontal_face_detector()) {}

  std::string name() const override { return upsample_ == 1 ? "dlib-hog" : "dlib-hog:" + std::to_string(upsample_); }

  std::vector<Face> detect(const Image& image) override {
    if (image.empty()) return {};
    dlib::array2d<dlib::rgb_pixel> pixels(image.height, image.width);
    for (int y = 0; y < image.height; ++y) {
      const uint8_t* p = image.row(y);
      for (int x = 0; x < image.width; ++x, p += 3) pixels[y][x] = {p[0], p[1], p[2]};
    }
    const dlib::pyramid_down<2> pyramid;
    int enlarged = 0;
    while (enlarged < upsample_ && int64_t{pixels.nr()} * pixels.nc() * 4 <= kMostPixels) {
      dlib::pyramid_up(pixels, pyramid);
      ++enlarged;
    }

    std::vector<std::pair<double, dlib::rectangle>> found;
    detector_(pixels, found);
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<Face> faces;
    for (const auto& [score, rectangle] : found) {
      const dlib::rectangle box = pyramid.rect_down(rectangle, static_cast<unsigned>(enlarged));
      Face face;
      // dlib's right and bottom are the last pixels of the box and the published crop rule computes with them as they
      // are: taken here as the exclusive ends, crop_rect gives the same crops to the pixel.
      face.box = {static_cast<int>(box.left()), static_cast<int>(box.top()), static_cast<int>(box.right() - box.left()),
                  static_cast<int>(box.bottom() - box.top())};
      face.score = static_cast<float>(score);
      estimate_quality(image, face);
      faces.push_back(std::move(face));
    }
    return faces;
  }

 private:
  int upsample_;
  dlib::frontal_face_detector detector_;
};

}  // namespace

std::unique_ptr<FaceDetector> make_dlib_hog(int upsample) { return std::make_unique<DlibHog>(upsample); }

}  // namespace fsfm
