#include "support/parsing_maps.h"

#include "face/region_map.h"

namespace fsfm::test {

std::vector<uint8_t> face_parsing_map(int side, int variant) {
  struct Ellipse {
    FaceClass label;
    float x, y, width, height;  // centre and half axes, in units of the side
  };
  const float dx = 0.02f * static_cast<float>(variant % 5 - 2), dy = 0.015f * static_cast<float>(variant % 7 - 3);
  const float scale = 1.f - 0.04f * static_cast<float>(variant % 4);
  const Ellipse parts[] = {{kHair, 0, -.08f, .38f, .42f},          {kSkin, 0, .05f, .30f, .38f},
                           {kRightBrow, -.13f, -.13f, .08f, .02f}, {kLeftBrow, .13f, -.13f, .08f, .02f},
                           {kRightEye, -.13f, -.06f, .06f, .03f},  {kLeftEye, .13f, -.06f, .06f, .03f},
                           {kNose, 0, .06f, .05f, .11f},           {kUpperLip, 0, .22f, .10f, .02f},
                           {kLowerLip, 0, .26f, .09f, .025f},      {kInnerMouth, 0, .24f, .07f, .012f}};
  std::vector<uint8_t> map(static_cast<size_t>(side) * side, kBackground);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (const Ellipse& part : parts) {
        const float u = ((static_cast<float>(x) + .5f) / static_cast<float>(side) - .5f - dx) / scale - part.x;
        const float v = ((static_cast<float>(y) + .5f) / static_cast<float>(side) - .5f - dy) / scale - part.y;
        if (u * u / (part.width * part.width) + v * v / (part.height * part.height) <= 1)
          map[static_cast<size_t>(y) * side + x] = part.label;
      }
  return map;
}

}  // namespace fsfm::test
