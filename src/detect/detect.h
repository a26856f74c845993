// The main job: a picture in, an honest verdict per face out. No libtorch.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "face/face.h"
#include "tensorio/model_file.h"

namespace fsfm {

enum class VerdictKind { real, attack, inconclusive };
const char* verdict_name(VerdictKind kind);

struct FaceVerdict {
  Face face;
  Rect crop;
  double score = 0;                 // P(attack), calibrated with the card's temperature
  std::vector<double> per_class;    // softmax, in the card's class order
  VerdictKind verdict = VerdictKind::inconclusive;
  std::string why;                  // one line: threshold used, or the reason to abstain (small, blurred, profile, near threshold)
};

struct DetectOptions {
  std::string detector = "";        // "" = the card's
  int threads = 0;
  double min_face = 0;              // pixels; faces smaller are "inconclusive" (0 = the default of 48)
};

class Detector {
 public:
  Detector(const std::filesystem::path& model, const DetectOptions& options = {});
  ~Detector();
  const ModelCard& card() const;
  // All faces; empty when none was found.
  std::vector<FaceVerdict> run(const Image& image);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The picture with boxes, verdicts and scores drawn in.
Image annotate(const Image& image, const std::vector<FaceVerdict>& faces);

}  // namespace fsfm
