#include "face/tracks.h"

#include <algorithm>
#include <cmath>

namespace fsfm {
namespace {

// Adds the pixels of `part` (cut to the frame, read on a grid of at most 24 x 24) to one normalised histogram.
void add_part(const Image& frame, const Rect& part, float* histogram) {
  const int left = std::max(part.left, 0), right = std::min(part.right(), frame.width);
  const int top = std::max(part.top, 0), bottom = std::min(part.bottom(), frame.height);
  if (left >= right || top >= bottom) return;
  constexpr int kGrid = 24;
  constexpr int kChroma = Appearance::kChroma, kLight = Appearance::kLight;
  const int columns = std::min(kGrid, right - left), rows = std::min(kGrid, bottom - top);
  const float weight = 1.0f / static_cast<float>(columns * rows);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) {
      const int y = top + (2 * i + 1) * (bottom - top) / (2 * rows),
                x = left + (2 * j + 1) * (right - left) / (2 * columns);
      const uint8_t* p = frame.row(y) + x * 3;
      const float light = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
      // Chroma relative to brightness, most of which lies within +-0.4; spread over neighbouring bins so that a
      // small shift of colour moves a small part of the weight.
      const auto axis = [](float value, int bins) {
        return std::clamp(value * static_cast<float>(bins) - 0.5f, 0.0f, static_cast<float>(bins) - 1.001f);
      };
      const float u = axis((p[0] - light) / (light + 24) + 0.5f, kChroma);
      const float v = axis((p[2] - light) / (light + 24) + 0.5f, kChroma);
      const float l = axis(light / 256, kLight);
      const int iu = static_cast<int>(u), iv = static_cast<int>(v), il = static_cast<int>(l);
      const float fu = u - static_cast<float>(iu), fv = v - static_cast<float>(iv), fl = l - static_cast<float>(il);
      for (int corner = 0; corner < 8; ++corner) {
        const int du = corner & 1, dv = corner >> 1 & 1, dl = corner >> 2;
        histogram[((il + dl) * kChroma + iv + dv) * kChroma + iu + du] +=
            weight * (du ? fu : 1 - fu) * (dv ? fv : 1 - fv) * (dl ? fl : 1 - fl);
      }
    }
}

}  // namespace

Appearance describe_appearance(const Image& frame, const Rect& box) {
  Appearance appearance;
  const int w = box.width, h = box.height;
  const std::array<Rect, Appearance::kParts> parts = {{
      {box.left, box.top - h / 2, w, h / 2},                       // hair
      {box.left + w / 8, box.top + h / 8, w * 3 / 4, h * 3 / 4},   // face
      {box.left - w / 4, box.bottom() + h / 3, w * 3 / 2, h / 2},  // clothes
  }};
  for (int i = 0; i < Appearance::kParts; ++i)
    add_part(frame, parts[i], appearance.histogram.data() + i * Appearance::kBins);
  return appearance;
}

double similarity(const Appearance& a, const Appearance& b) {
  // A part that lies outside the picture in one of the two says nothing.
  double sum = 0, parts = 0;
  for (int part = 0; part < Appearance::kParts; ++part) {
    double common = 0, of_a = 0, of_b = 0;
    for (int i = part * Appearance::kBins; i < (part + 1) * Appearance::kBins; ++i) {
      common += std::min(a.histogram[i], b.histogram[i]);
      of_a += a.histogram[i];
      of_b += b.histogram[i];
    }
    if (of_a < 0.5 || of_b < 0.5) continue;
    sum += common;
    parts += 1;
  }
  return parts > 0 ? sum / parts : 0;
}

double box_overlap(const Rect& a, const Rect& b) {
  const int64_t w = std::min(a.right(), b.right()) - std::max(a.left, b.left);
  const int64_t h = std::min(a.bottom(), b.bottom()) - std::max(a.top, b.top);
  if (w <= 0 || h <= 0) return 0;
  const int64_t both = int64_t{a.width} * a.height + int64_t{b.width} * b.height;
  return static_cast<double>(w * h) / static_cast<double>(both - w * h);
}

std::vector<int> FaceTracker::add(const Image& frame, const std::vector<Face>& faces) {
  struct Match {
    double affinity;
    size_t face, track;
  };
  std::vector<Appearance> looks;
  for (const Face& face : faces) looks.push_back(describe_appearance(frame, face.box));
  std::vector<Match> matches;
  for (size_t f = 0; f < faces.size(); ++f)
    for (size_t t = 0; t < tracks_.size(); ++t) {
      const double alike = similarity(looks[f], tracks_[t].appearance);
      // A place says something only if the track was seen in the frame before.
      const double overlap = tracks_[t].last_frame + 1 == frames_ ? box_overlap(faces[f].box, tracks_[t].box) : 0;
      const bool nearby = overlap >= options_.min_overlap && alike >= options_.min_similarity_nearby;
      if (nearby || alike >= options_.min_similarity_anywhere) matches.push_back({alike + overlap, f, t});
    }
  std::stable_sort(matches.begin(), matches.end(),
                   [](const Match& a, const Match& b) { return a.affinity > b.affinity; });

  std::vector<int> identity(faces.size(), -1);
  std::vector<bool> taken(tracks_.size(), false);
  for (const auto& [affinity, f, t] : matches) {
    if (identity[f] >= 0 || taken[t]) continue;
    identity[f] = static_cast<int>(t);
    taken[t] = true;
  }
  for (size_t f = 0; f < faces.size(); ++f) {
    if (identity[f] < 0) {
      identity[f] = static_cast<int>(tracks_.size());
      tracks_.push_back({faces[f].box, frames_, looks[f]});
      continue;
    }
    Track& track = tracks_[identity[f]];
    track.box = faces[f].box;
    track.last_frame = frames_;
    constexpr float kUpdate = 0.25f;
    for (size_t i = 0; i < looks[f].histogram.size(); ++i)
      track.appearance.histogram[i] += kUpdate * (looks[f].histogram[i] - track.appearance.histogram[i]);
  }
  ++frames_;
  return identity;
}

}  // namespace fsfm
