#include "support/face_painter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/file.h"
#include "base/rng.h"
#include "face/region_map.h"
#include "media/codec.h"

namespace fsfm::test {
namespace {

struct Vec {
  double x, y;
};
using Rgb = std::array<double, 3>;  // 0..255

Rgb mix(const Rgb& a, const Rgb& b, double t) {
  return {a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t};
}
Rgb scaled(const Rgb& a, double k) { return {a[0] * k, a[1] * k, a[2] * k}; }
double smooth(double t) {
  t = std::clamp(t, 0.0, 1.0);
  return t * t * (3 - 2 * t);
}
double bump(double x, double y, double rx, double ry) { return std::exp(-(x * x / (rx * rx) + y * y / (ry * ry))); }

// Smooth value noise in [0, 1], the same at every size.
double hash01(int x, int y, uint64_t seed) {
  uint64_t h = seed ^ (static_cast<uint64_t>(static_cast<uint32_t>(x)) << 32 | static_cast<uint32_t>(y));
  h = (h ^ (h >> 31)) * 0x9E3779B97F4A7C15ull;
  h = (h ^ (h >> 29)) * 0xBF58476D1CE4E5B9ull;
  return static_cast<double>((h ^ (h >> 32)) >> 11) * 0x1.0p-53;
}
double value_noise(double x, double y, uint64_t seed) {
  const int ix = static_cast<int>(std::floor(x)), iy = static_cast<int>(std::floor(y));
  const double fx = smooth(x - ix), fy = smooth(y - iy);
  const double top = hash01(ix, iy, seed) * (1 - fx) + hash01(ix + 1, iy, seed) * fx;
  const double bottom = hash01(ix, iy + 1, seed) * (1 - fx) + hash01(ix + 1, iy + 1, seed) * fx;
  return top * (1 - fy) + bottom * fy;
}

// Who it is.
struct Person {
  uint64_t seed;
  Rgb skin, hair, iris, lips, cloth;
  double jaw, eye_distance, eye_size, brow_width, brow_lift, nose_width, mouth_width, mouth_open, smile, hairline,
      hair_length;

  explicit Person(uint64_t s) : seed(s) {
    Rng rng(s, 1);
    constexpr Rgb kSkins[] = {{241, 205, 180}, {226, 178, 146}, {205, 150, 115}, {160, 108, 78}, {110, 72, 52}};
    constexpr Rgb kHairs[] = {{28, 22, 20}, {62, 40, 26}, {110, 74, 40}, {186, 148, 90}, {150, 150, 152}};
    constexpr Rgb kIrises[] = {{60, 38, 22}, {90, 62, 34}, {70, 96, 66}, {70, 100, 140}};
    const auto near = [&rng](const Rgb& color, double spread) {
      return Rgb{color[0] + rng.uniform(-spread, spread), color[1] + rng.uniform(-spread, spread),
                 color[2] + rng.uniform(-spread, spread)};
    };
    skin = near(kSkins[rng.below(5)], 8);
    hair = near(kHairs[rng.below(5)], 6);
    iris = near(kIrises[rng.below(4)], 8);
    lips = mix(skin, {165, 45, 60}, rng.uniform(0.45, 0.75));
    cloth = {rng.uniform(30, 210), rng.uniform(30, 210), rng.uniform(30, 210)};
    jaw = rng.uniform(0.92, 1.06);
    eye_distance = rng.uniform(0.40, 0.46);
    eye_size = rng.uniform(0.17, 0.21);
    brow_width = rng.uniform(0.045, 0.075);
    brow_lift = rng.uniform(-0.03, 0.04);
    nose_width = rng.uniform(0.20, 0.28);
    mouth_width = rng.uniform(0.36, 0.46);
    mouth_open = rng.chance(0.4) ? rng.uniform(0.03, 0.08) : 0.0;
    smile = rng.uniform(-0.02, 0.07);
    hairline = rng.uniform(-0.92, -0.72);
    hair_length = rng.chance(0.45) ? rng.uniform(0.7, 1.5) : rng.uniform(-0.35, 0.1);
  }
};

// Where it is: face units (1 = half the width of the face, y down, origin between the nose's tip and the eyes) ->
// pixels.
struct Pose {
  Vec center;
  double unit;  // pixels
  double roll = 0, turn = 0;
  Vec light{-0.4, -0.5};
  double brightness = 1;
};

// What one point of the picture shows.
struct Paint {
  Rgb color;
  uint8_t label = kBackground;
};

// Coverage of a shape whose implicit function `d` is negative inside, softened over about one pixel.
double cover(double d, double pixel) { return smooth(0.5 - d / pixel); }
double ellipse(double x, double y, double rx, double ry) { return (std::hypot(x / rx, y / ry) - 1) * std::min(rx, ry); }

class Painter {
 public:
  Painter(const Person& person, const Pose& pose) : p_(person), pose_(pose), pixel_(1.2 / pose.unit) {}

  // Lays the person over what is at pixel position (px, py).
  Paint over(Paint below, double px, double py) const {
    const double dx = (px - pose_.center.x) / pose_.unit, dy = (py - pose_.center.y) / pose_.unit;
    const double c = std::cos(pose_.roll), s = std::sin(pose_.roll);
    const double x = c * dx + s * dy, y = -s * dx + c * dy;
    if (std::abs(x) > 2.8 || y < -2.0 || y > 3.2) return below;
    Paint paint = below;
    body(paint, x, y);
    head(paint, x, y);
    return paint;
  }

 private:
  void lay(Paint& paint, double coverage, const Rgb& color, uint8_t label) const {
    paint.color = mix(paint.color, color, coverage);
    if (coverage >= 0.5) paint.label = label;
  }
  // Colour only: shadows and lights do not change the class.
  static void shade(Paint& paint, double amount, const Rgb& color) {
    paint.color = mix(paint.color, color, std::clamp(amount, 0.0, 1.0));
  }

  Rgb hair_color(double x, double y) const {
    const double strands = value_noise(x * 34 + 4 * value_noise(x * 3, y * 3, p_.seed), y * 4, p_.seed + 1);
    return scaled(
        p_.hair, pose_.brightness * (0.72 + 0.5 * strands + 0.25 * bump(x - 0.3 * pose_.light.x, y + 1.15, 0.7, 0.25)));
  }

  Rgb skin_color(double x, double y) const {
    // A ball-like normal gives the light its direction; the noise is the texture of skin.
    const double nx = x / 1.15, ny = y / 1.5;
    const double nz = std::sqrt(std::max(0.0, 1 - nx * nx - ny * ny));
    const double light = std::clamp(0.62 + 0.42 * nz + 0.22 * (nx * pose_.light.x + ny * pose_.light.y), 0.3, 1.25);
    const double texture =
        0.97 + 0.04 * value_noise(x * 22, y * 22, p_.seed + 2) + 0.03 * value_noise(x * 6, y * 6, p_.seed + 3);
    return scaled(p_.skin, light * texture * pose_.brightness);
  }

  double hair_back(double x, double y) const {
    const double cap = ellipse(x, y + 0.35, 1.16, 1.16);
    const double fall =
        p_.hair_length > 0.2 ? std::max(std::abs(x) - 1.14 + 0.06 * y, std::max(-0.4 - y, y - p_.hair_length)) : 1e9;
    return std::min(y > 0.1 && p_.hair_length <= 0.2 ? 1.0 : cap, fall);
  }

  void body(Paint& paint, double x, double y) const {
    if (const double hair = cover(hair_back(x, y), pixel_); hair > 0)
      lay(paint, hair, scaled(hair_color(x, y), 0.8), kHair);
    const double neck = std::max(std::abs(x) - 0.55 - 0.1 * std::max(0.0, y - 1.5), 0.9 - y);
    lay(paint, cover(neck, pixel_),
        scaled(p_.skin, 0.66 * pose_.brightness * (0.95 + 0.1 * value_noise(x * 9, y * 9, p_.seed))), kBackground);
    const double shoulders = std::max(1.75 + 0.28 * x * x - y, std::abs(x) - 2.3);
    lay(paint, cover(shoulders, pixel_),
        scaled(p_.cloth, pose_.brightness * (0.8 + 0.3 * value_noise(x * 5, y * 9, p_.seed + 5))), kBackground);
  }

  void head(Paint& paint, double x, double y) const {
    // The chin narrows; ears are skin of the sides.
    const double jaw = y > 0.25 ? 1 - 0.23 * smooth((y - 0.25) / 1.1) * p_.jaw : 1.0;
    const double outline = ellipse(x / jaw, y - 0.08, 0.98, 1.30);
    const double ears = std::min(ellipse(x - 1.0, y + 0.02, 0.12, 0.26), ellipse(x + 1.0, y + 0.02, 0.12, 0.26));
    lay(paint, cover(ears, pixel_), scaled(skin_color(x, y), 0.9), kBackground);
    const double face = cover(outline, pixel_);
    if (face > 0) {
      Paint inner{skin_color(x, y), kSkin};
      features(inner, x, y);
      paint.color = mix(paint.color, inner.color, face);
      if (face >= 0.5) paint.label = inner.label;
    }
    // Hair over the forehead, with an uneven edge.
    const double edge = p_.hairline + 0.22 * x * x + 0.10 * (value_noise(x * 7, 0.5, p_.seed + 6) - 0.5);
    const double front =
        std::max(ellipse(x, y + 0.35, 1.14, 1.14), y - edge - (std::abs(x) > 0.8 ? (std::abs(x) - 0.8) * 2.2 : 0));
    if (const double hair = cover(front, pixel_); hair > 0) lay(paint, hair, hair_color(x, y), kHair);
  }

  void features(Paint& paint, double x, double y) const {
    const double k = pose_.brightness;
    const Rgb shadow = scaled(p_.skin, 0.42 * k), light = mix(scaled(p_.skin, 1.1 * k), {255, 255, 255}, 0.12);
    // A turned head: the middle features wander sideways, and nearer features shrink a little.
    x -= pose_.turn * (1 - 0.35 * x * x) * std::clamp(1.2 - 0.2 * std::abs(y), 0.6, 1.2);
    shade(paint, 0.16 * bump(std::abs(x) - 0.52, y - 0.42, 0.26, 0.2), {215, 90, 80});  // cheeks
    shade(paint, 0.25 * bump(std::abs(x) - 0.78, y - 0.75, 0.2, 0.5), shadow);
    shade(paint, 0.45 * bump(x, y - 1.06, 0.30, 0.07), shadow);  // below the lower lip
    for (const int side : {-1, 1}) eye(paint, side * x, y, side < 0, shadow);
    nose(paint, x, y, shadow, light);
    mouth(paint, x, y, shadow, light);
  }

  // `x` is mirrored so that both eyes lie at positive x; `right` is the subject's right (image left).
  void eye(Paint& paint, double x, double y, bool right, const Rgb& shadow) const {
    const double k = pose_.brightness, ex = x - p_.eye_distance, ey = y + 0.12;
    shade(paint, 0.50 * bump(ex + 0.04, ey + 0.11, 0.30, 0.13), shadow);  // socket under the brow
    shade(paint, 0.35 * bump(ex + 0.22, ey + 0.02, 0.09, 0.15), shadow);  // beside the nose
    shade(paint, 0.22 * bump(ex, ey - 0.17, 0.22, 0.05), shadow);         // bag
    const double rx = p_.eye_size, ry = p_.eye_size * 0.46;
    const double lid = std::hypot(ex / rx, (ey + 0.02 * (ex / rx) * (ex / rx)) / ry) - 1;
    const double open = cover(lid * ry, pixel_);
    const double lash = cover(std::abs(lid) * ry - (ey < 0 ? 0.028 : 0.010), pixel_);
    if (open > 0) {
      Paint ball{scaled({236, 232, 228}, k * (0.82 + 0.18 * smooth((ey + ry) / (1.2 * ry)))),
                 static_cast<uint8_t>(right ? kRightEye : kLeftEye)};
      const double radius = ry * 0.98, r = std::hypot(ex, ey + 0.01);
      shade(ball, cover(r - radius, pixel_), scaled(p_.iris, k * (0.7 + 0.5 * r / radius)));
      shade(ball, cover(r - radius * 0.48, pixel_), {12, 10, 10});
      shade(ball, cover(std::hypot(ex + 0.025, ey + 0.035) - 0.018, pixel_), {250, 250, 250});
      paint.color = mix(paint.color, ball.color, open);
      if (open >= 0.5) paint.label = ball.label;
    }
    shade(paint, lash * 0.9, scaled(p_.hair, 0.35 * k));
    shade(paint, 0.4 * cover(std::abs(ey + ry * 1.45 + 0.05 * ex * ex) - 0.010, 2 * pixel_) * bump(ex, 0, rx, 1),
          shadow);  // crease
    const double by = y + 0.40 + p_.brow_lift + 0.10 * ex - 0.8 * (ex - 0.05) * (ex - 0.05);
    const double thickness = p_.brow_width * (1.1 - 1.4 * std::max(0.0, ex));
    const double brow = std::max(std::abs(by) - thickness, std::abs(ex - 0.01) - 0.27);
    const double hairs = 0.82 + 0.18 * value_noise(x * 40, y * 18, p_.seed + 7);
    lay(paint, cover(brow, pixel_) * hairs, scaled(mix(p_.hair, p_.skin, 0.12), 0.7 * k),
        right ? kRightBrow : kLeftBrow);
  }

  void nose(Paint& paint, double x, double y, const Rgb& shadow, const Rgb& light) const {
    const double w = p_.nose_width, t = smooth((y + 0.15) / 0.55);
    const double half = 0.085 + (w - 0.085) * t * t;
    const double region = std::min(std::max({std::abs(x) - half, -0.16 - y, y - 0.40}), ellipse(x, y - 0.40, w, 0.13));
    if (region < 0) paint.label = kNose;
    const double side = (std::abs(x) - 0.10 - 0.1 * t) / 0.07;
    if (y > -0.35 && y < 0.42) shade(paint, 0.32 * std::exp(-side * side) * smooth((y + 0.35) / 0.3), shadow);
    shade(paint, 0.45 * bump(x, y - 0.1, 0.055, 0.36), light);  // ridge
    shade(paint, 0.55 * bump(x, y - 0.36, 0.09, 0.08), light);  // tip
    shade(paint, 0.55 * bump(std::abs(x) - w * 0.95, y - 0.40, 0.05, 0.09), shadow);
    shade(paint, 0.92 * bump(std::abs(x) - w * 0.52, y - 0.485, 0.07, 0.032), scaled(p_.skin, 0.16));  // nostrils
    shade(paint, 0.50 * bump(x, y - 0.545, 0.22, 0.035), shadow);
  }

  void mouth(Paint& paint, double x, double y, const Rgb& shadow, const Rgb& light) const {
    const double k = pose_.brightness, w = p_.mouth_width, u = x / w;
    if (std::abs(u) > 1.3 || y < 0.5 || y > 1.2) return;
    const double taper = std::sqrt(std::max(0.0, 1 - u * u));
    const double line = 0.82 - p_.smile * u * u * 1.5;
    const double gap = p_.mouth_open * taper;
    const double upper = 0.105 * taper * (1 - 0.22 * std::exp(-u * u * 30)), lower = 0.135 * taper;
    const double outside = std::abs(u) < 1 ? -1.0 : (std::abs(u) - 1) * w;
    const auto band = [&](double from, double to) { return std::max(std::max(from - y, y - to), outside); };
    lay(paint, cover(band(line - gap - upper, line - gap), pixel_), scaled(p_.lips, 0.78 * k), kUpperLip);
    lay(paint, cover(band(line + gap, line + gap + lower), pixel_),
        scaled(mix(p_.lips, light, 0.35 * bump(u, (y - line - gap - 0.06) / 0.04, 0.6, 1)), 0.95 * k), kLowerLip);
    if (gap > 0) {
      const bool teeth = y < line + 0.2 * gap;
      lay(paint, cover(band(line - gap, line + gap), pixel_), teeth ? scaled({232, 226, 214}, k) : Rgb{70, 22, 24},
          kInnerMouth);
    } else {
      shade(paint, 0.85 * cover(std::abs(y - line) - 0.016, pixel_) * (std::abs(u) < 1 ? 1 : 0),
            scaled(p_.lips, 0.3 * k));
    }
    shade(paint, 0.4 * bump(std::abs(u) - 1.03, (y - line) / 0.05, 0.06, 1), shadow);
  }

  const Person& p_;
  const Pose& pose_;
  double pixel_;
};

Rgb background_color(uint64_t seed, double x, double y) {
  Rng rng(seed, 9);
  const Rgb a = {rng.uniform(60, 220), rng.uniform(60, 220), rng.uniform(60, 220)};
  const Rgb b = {rng.uniform(40, 200), rng.uniform(40, 200), rng.uniform(40, 200)};
  const double blend =
      0.6 * value_noise(x * 3, y * 3, seed + 11) + 0.25 * value_noise(x * 9, y * 9, seed + 12) + 0.15 * y;
  return mix(a, b, blend);
}

uint8_t to_byte(double value) { return static_cast<uint8_t>(std::clamp(value + 0.5, 0.0, 255.0)); }

// Sensor noise on the whole picture.
void add_noise(Image& image, uint64_t seed, double sigma) {
  Rng rng(seed, 3);
  for (auto& value : image.rgb)
    value = to_byte(value + sigma * (rng.uniform() + rng.uniform() + rng.uniform() - 1.5) * 2);
}

// A detector's box and the pose that fills it: the box reaches from the brows to the chin.
constexpr double kBoxCenterY = 0.32, kBoxHalf = 1.02;

Pose pose_in_box(const Rect& box) {
  Pose pose{};
  pose.unit = (box.width + box.height) / 4.0 / kBoxHalf;
  pose.center = {box.left + box.width / 2.0, box.top + box.height / 2.0 - kBoxCenterY * pose.unit};
  return pose;
}

void paint_person(Image& canvas, std::vector<uint8_t>* parsing, const Person& person, const Pose& pose) {
  const Painter painter(person, pose);
  for (int y = 0; y < canvas.height; ++y)
    for (int x = 0; x < canvas.width; ++x) {
      uint8_t* pixel = canvas.row(y) + x * 3;
      const Paint paint =
          painter.over({{double(pixel[0]), double(pixel[1]), double(pixel[2])}, kBackground}, x + 0.5, y + 0.5);
      for (int c = 0; c < 3; ++c) pixel[c] = to_byte(paint.color[c]);
      if (parsing) (*parsing)[static_cast<size_t>(y) * canvas.width + x] = paint.label;
    }
}

Pose crop_pose(uint64_t seed, int side) {
  Rng rng(seed, 2);
  Pose pose{};
  pose.unit = side * rng.uniform(0.33, 0.40);
  pose.center = {side * rng.uniform(0.47, 0.53), side * rng.uniform(0.41, 0.47)};
  pose.roll = rng.uniform(-0.18, 0.18);
  pose.turn = rng.uniform(-0.16, 0.16);
  pose.light = {rng.uniform(-0.8, 0.8), rng.uniform(-0.8, 0.1)};
  pose.brightness = rng.uniform(0.75, 1.08);
  return pose;
}

}  // namespace

Image paint_background(uint64_t seed, int width, int height) {
  Image image(width, height);
  const double scale = 1.0 / std::max(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const Rgb color = background_color(seed, x * scale, y * scale);
      for (int c = 0; c < 3; ++c) image.row(y)[x * 3 + c] = to_byte(color[c]);
    }
  return image;
}

PaintedFace paint_face(uint64_t seed, int side) {
  PaintedFace face{paint_background(seed, side, side), std::vector<uint8_t>(static_cast<size_t>(side) * side)};
  paint_person(face.image, &face.parsing, Person(seed), crop_pose(seed, side));
  add_noise(face.image, seed, 2.5);
  return face;
}

PaintedFace paint_fake_face(uint64_t seed, int side) {
  PaintedFace face = paint_face(seed, side);
  const Pose pose = crop_pose(seed, side);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const double d = ellipse((x - pose.center.x) / pose.unit, (y - pose.center.y) / pose.unit - 0.3, 0.8, 0.85);
      const double inside = smooth(0.5 - d * 8), seam = std::exp(-d * d * 400);
      const double grid = (x / 2 + y / 2) % 2 ? 13 : -13;  // as from a careless upsampler
      uint8_t* pixel = face.image.row(y) + x * 3;
      for (int c = 0; c < 3; ++c) pixel[c] = to_byte(pixel[c] + inside * (grid + (c == 1 ? 9 : -4)) + 22 * seam);
    }
  return face;
}

void paint_face_on(Image& canvas, uint64_t identity, const Rect& box) {
  paint_person(canvas, nullptr, Person(identity), pose_in_box(box));
}

PaintedPhoto paint_photo(uint64_t seed, int faces, int width, int height) {
  PaintedPhoto photo{paint_background(seed, width, height), {}};
  Rng rng(seed, 4);
  const double cell = static_cast<double>(width) / std::max(faces, 1);
  for (int i = 0; i < faces; ++i) {
    const int side = static_cast<int>(std::min(cell * 0.62, height * 0.42) * rng.uniform(0.92, 1.0));
    const int left = static_cast<int>(cell * i + (cell - side) * rng.uniform(0.42, 0.58));
    const int top = static_cast<int>((height - side) * rng.uniform(0.42, 0.55));
    photo.boxes.push_back({left, top, side, side});
    paint_face_on(photo.image, seed * 1000 + static_cast<uint64_t>(i), photo.boxes.back());
  }
  add_noise(photo.image, seed, 2.5);
  return photo;
}

void write_face_tree(const std::filesystem::path& dir, const std::string& split, const std::string& label, int n,
                     uint64_t seed, int side, bool maps) {
  const auto folder = dir / split / label;
  std::filesystem::create_directories(folder);
  const auto paint = label == "real" || label == "live" ? paint_face : paint_fake_face;
  for (int i = 0; i < n; ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "face_%04d.png", i);
    const PaintedFace face = paint(seed + static_cast<uint64_t>(i), side);
    write_image(folder / name, face.image);
    if (!maps) continue;
    std::vector<uint8_t> palette;
    for (const auto& color : kFaceClassColors) palette.insert(palette.end(), color.begin(), color.end());
    write_file_atomic(folder / (std::filesystem::path(name).stem().string() + ".seg.png"),
                      encode_palette_png(face.parsing, side, side, palette));
  }
}

}  // namespace fsfm::test
