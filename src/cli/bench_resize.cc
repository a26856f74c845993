// fsfm bench resize: the sizes of the evaluation transforms, from video frames, photos and face crops.
#include "base/rng.h"
#include "cli/bench.h"
#include "media/resize.h"

namespace fsfm::cli {

std::vector<BenchCase> bench_resize(const MeasureOptions& options) {
  struct Size {
    int width, height, out_width, out_height;
  };
  std::vector<BenchCase> cases;
  for (const auto& [w, h, out_w, out_h] :
       {Size{1920, 1080, 455, 256}, {640, 480, 341, 256}, {300, 300, 224, 224}, {112, 112, 224, 224}}) {
    Image image(w, h);
    Rng rng(1);
    for (auto& value : image.rgb) value = static_cast<uint8_t>(rng.below(256));
    const auto timing = measure([&, out_w, out_h] { keep(resize(image, out_w, out_h).rgb.data()); }, options);
    cases.push_back(
        {std::to_string(w) + "x" + std::to_string(h) + " to " + std::to_string(out_w) + "x" + std::to_string(out_h),
         timing, 1, "images"});
  }
  return cases;
}

}  // namespace fsfm::cli
