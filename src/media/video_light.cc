#include "media/video_light.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace fsfm {
namespace {

// Linear light is measured in reference white: 1 = 203 cd/m2, where BT.2408 puts the white of an SDR picture.
constexpr double kWhite = 203, kHlgPeak = 1000, kPqPeak = 10000;
// An SDR video's signal is light to the power 1/2.4 (BT.1886), and its code values are what detectors are trained on.
constexpr double kGamma = 2.4;

using Matrix = std::array<float, 9>;
// Of linear RGB, to BT.709's primaries (BT.2087; Display P3: SMPTE EG 432-1).
constexpr Matrix kFrom2020{1.6605f, -0.5876f, -0.0728f, -0.1246f, 1.1329f, -0.0083f, -0.0182f, -0.1006f, 1.1187f};
constexpr Matrix kFromP3{1.2249f, -0.2247f, 0.0f, -0.0420f, 1.0419f, 0.0f, -0.0197f, -0.0786f, 1.0979f};
constexpr Matrix kSame{1, 0, 0, 0, 1, 0, 0, 0, 1};

bool is_hlg(const AVFrame& frame) { return frame.color_trc == AVCOL_TRC_ARIB_STD_B67; }
bool is_pq(const AVFrame& frame) { return frame.color_trc == AVCOL_TRC_SMPTE2084; }

// BT.2100's inverse OETF: scene light, 0..1.
double hlg_scene(double signal) {
  constexpr double a = 0.17883277, b = 1 - 4 * a;
  const double c = 0.5 - a * std::log(4 * a);
  return signal <= 0.5 ? signal * signal / 3 : (std::exp((signal - c) / a) + b) / 12;
}

double pq_light(double signal) {
  constexpr double m1 = 2610.0 / 16384, m2 = 2523.0 / 4096 * 128, c1 = 3424.0 / 4096, c2 = 2413.0 / 4096 * 32,
                   c3 = 2392.0 / 4096 * 32;
  const double p = std::pow(signal, 1 / m2);
  return std::pow(std::max(0.0, p - c1) / (c2 - c3 * p), 1 / m1) * kPqPeak / kWhite;
}

// Up to the knee light stays as it is, so that skin keeps its colours; above, all up to `peak` is bent into what is
// left.
class ToneCurve {
 public:
  explicit ToneCurve(float peak) : peak_((peak - kKnee) / (1 - kKnee)) {}
  float operator()(float light) const {
    if (light <= kKnee) return light;
    const float t = std::min((light - kKnee) / (1 - kKnee), peak_);
    return kKnee + (1 - kKnee) * t * (1 + t / (peak_ * peak_)) / (1 + t);
  }

 private:
  static constexpr float kKnee = 0.8f;
  float peak_;
};

constexpr int kCodes = 65536;

std::vector<float> table(double (*light)(double)) {
  std::vector<float> values(kCodes);
  for (int i = 0; i < kCodes; ++i) values[static_cast<size_t>(i)] = static_cast<float>(light(i / 65535.0));
  return values;
}

struct Tables {
  std::vector<float> to_light;
  std::vector<float> hlg_gain;     // by scene luminance: what a screen of 1000 cd/m2 makes of it (BT.2100's OOTF)
  std::vector<uint8_t> to_signal;  // by the root of light: finer where the eye is
};

enum class Kind { sdr, hlg, pq };

Tables make_tables(Kind kind) {
  Tables tables;
  tables.to_light = table(kind == Kind::hlg  ? hlg_scene
                          : kind == Kind::pq ? pq_light
                                             : +[](double signal) { return std::pow(signal, kGamma); });
  if (kind == Kind::hlg)
    tables.hlg_gain = table(+[](double luminance) { return std::pow(luminance, 0.2) * kHlgPeak / kWhite; });
  tables.to_signal.resize(kCodes);
  for (int i = 0; i < kCodes; ++i)
    tables.to_signal[static_cast<size_t>(i)] =
        static_cast<uint8_t>(std::lround(255 * std::pow(i / 65535.0, 2 / kGamma)));
  return tables;
}

template <Kind kind>
const Tables& tables() {
  static const Tables made = make_tables(kind);  // when the first such frame is seen
  return made;
}

const Tables& tables_of(Kind kind) {
  return kind == Kind::hlg ? tables<Kind::hlg>() : kind == Kind::pq ? tables<Kind::pq>() : tables<Kind::sdr>();
}

size_t code(float value) { return static_cast<size_t>(std::clamp(value, 0.0f, 1.0f) * 65535.0f + 0.5f); }

}  // namespace

bool needs_tone_mapping(const AVFrame& frame) {
  return is_hlg(frame) || is_pq(frame) || frame.color_primaries == AVCOL_PRI_BT2020 ||
         frame.color_primaries == AVCOL_PRI_SMPTE432;
}

void tone_map(const AVFrame& tags, const AVFrame& from, AVFrame& to) {
  const Kind kind = is_hlg(tags) ? Kind::hlg : is_pq(tags) ? Kind::pq : Kind::sdr;
  const Tables& tables = tables_of(kind);
  // HDR is of BT.2020 unless it says otherwise.
  const Matrix& m =
      tags.color_primaries == AVCOL_PRI_SMPTE432 ? kFromP3
      : tags.color_primaries == AVCOL_PRI_BT2020 || (kind != Kind::sdr && tags.color_primaries == AVCOL_PRI_UNSPECIFIED)
          ? kFrom2020
          : kSame;
  const ToneCurve curve(static_cast<float>(kHlgPeak / kWhite));
  for (int y = 0; y < from.height; ++y) {
    const auto* in = reinterpret_cast<const uint16_t*>(from.data[0] + static_cast<ptrdiff_t>(y) * from.linesize[0]);
    uint8_t* out = to.data[0] + static_cast<ptrdiff_t>(y) * to.linesize[0];
    for (int x = 0; x < from.width; ++x, in += 3, out += 3) {
      float r = tables.to_light[in[0]], g = tables.to_light[in[1]], b = tables.to_light[in[2]];
      if (kind == Kind::hlg) {
        const float gain = tables.hlg_gain[code(0.2627f * r + 0.6780f * g + 0.0593f * b)];
        r *= gain, g *= gain, b *= gain;
      }
      float light[3] = {m[0] * r + m[1] * g + m[2] * b, m[3] * r + m[4] * g + m[5] * b, m[6] * r + m[7] * g + m[8] * b};
      if (kind != Kind::sdr) {  // by the largest channel: hues stay
        const float most = std::max({light[0], light[1], light[2]});
        if (most > 0) {
          const float gain = curve(most) / most;
          for (float& value : light) value *= gain;
        }
      }
      for (int k = 0; k < 3; ++k) out[k] = tables.to_signal[code(std::sqrt(std::max(0.0f, light[k])))];
    }
  }
}

}  // namespace fsfm
