#include "media/color_profile.h"

#include <lcms2.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <new>

namespace fsfm {
namespace {

using Profile = std::unique_ptr<void, decltype(&cmsCloseProfile)>;
using Transform = std::unique_ptr<void, decltype(&cmsDeleteTransform)>;

constexpr size_t kLargestProfile = 16u << 20;  // those of real files hold up to two or three megabytes
constexpr int kRounding = 2;                   // grey levels

// nullptr when the two do not fit together.
Transform srgb_from(const Profile& profile, cmsUInt32Number pixels) {
  const Profile srgb(cmsCreate_sRGBProfile(), cmsCloseProfile);
  if (!srgb) throw std::bad_alloc();
  return {cmsCreateTransform(profile.get(), pixels, srgb.get(), TYPE_RGB_8, INTENT_RELATIVE_COLORIMETRIC, 0),
          cmsDeleteTransform};
}

// Does it leave colours from all over the cube where they are?
bool changes_nothing(const Transform& transform) {
  for (int r = 0; r <= 255; r += 17)
    for (int g = 0; g <= 255; g += 17)
      for (int b = 0; b <= 255; b += 17) {
        const std::array<uint8_t, 3> in{static_cast<uint8_t>(r), static_cast<uint8_t>(g), static_cast<uint8_t>(b)};
        std::array<uint8_t, 3> out{};
        cmsDoTransform(transform.get(), in.data(), out.data(), 1);
        for (size_t c = 0; c < 3; ++c)
          if (std::abs(in[c] - out[c]) > kRounding) return false;
      }
  return true;
}

}  // namespace

std::vector<std::byte> profile_of(const Chromaticities& primaries) {
  // IEC 61966-2-1's curve, as Little CMS writes it: (a x + b)^g above d, c x below.
  constexpr cmsFloat64Number kCurve[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  const cmsCIExyY white{primaries.white[0], primaries.white[1], 1};
  const cmsCIExyYTRIPLE rgb{{primaries.red[0], primaries.red[1], 1},
                            {primaries.green[0], primaries.green[1], 1},
                            {primaries.blue[0], primaries.blue[1], 1}};
  const std::unique_ptr<cmsToneCurve, decltype(&cmsFreeToneCurve)> curve(
      cmsBuildParametricToneCurve(nullptr, 4, kCurve), cmsFreeToneCurve);
  if (!curve) throw std::bad_alloc();
  cmsToneCurve* const curves[] = {curve.get(), curve.get(), curve.get()};
  const Profile profile(cmsCreateRGBProfile(&white, &rgb, curves), cmsCloseProfile);
  cmsUInt32Number size = 0;
  if (!profile || !cmsSaveProfileToMem(profile.get(), nullptr, &size)) return {};
  std::vector<std::byte> bytes(size);
  if (!cmsSaveProfileToMem(profile.get(), bytes.data(), &size)) return {};
  return bytes;
}

bool to_srgb(Image& image, std::span<const std::byte> bytes) {
  if (bytes.empty() || bytes.size() > kLargestProfile || image.empty()) return false;
  const Profile profile(cmsOpenProfileFromMem(bytes.data(), static_cast<cmsUInt32Number>(bytes.size())),
                        cmsCloseProfile);
  if (!profile) return false;
  const cmsColorSpaceSignature space = cmsGetColorSpace(profile.get());
  if (space == cmsSigGrayData) {
    for (size_t i = 0; i < image.rgb.size(); i += 3)
      if (image.rgb[i] != image.rgb[i + 1] || image.rgb[i] != image.rgb[i + 2]) return false;
    const Transform transform = srgb_from(profile, TYPE_GRAY_8);
    if (!transform) return false;
    std::array<uint8_t, 256> in;
    std::array<std::array<uint8_t, 3>, 256> out;
    for (size_t v = 0; v < in.size(); ++v) in[v] = static_cast<uint8_t>(v);
    cmsDoTransform(transform.get(), in.data(), out.data(), 256);
    for (size_t i = 0; i < image.rgb.size(); i += 3) {
      const auto& grey = out[image.rgb[i]];
      for (size_t c = 0; c < 3; ++c) image.rgb[i + c] = grey[c];
    }
    return true;
  }
  if (space != cmsSigRgbData) return false;
  const Transform transform = srgb_from(profile, TYPE_RGB_8);
  if (!transform) return false;
  if (changes_nothing(transform)) return true;
  for (int y = 0; y < image.height; ++y)
    cmsDoTransform(transform.get(), image.row(y), image.row(y), static_cast<cmsUInt32Number>(image.width));
  return true;
}

}  // namespace fsfm
