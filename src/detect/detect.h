// The main job: a picture or video in, an honest verdict per face out. No libtorch.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "detect/verdict.h"
#include "face/face.h"
#include "model/model_file.h"

namespace fsfm {

struct FaceVerdict {
  Face face;
  Rect crop;                        // what the network saw
  double score = 0;                 // P(attack), calibrated with the card's temperature
  std::vector<double> per_class{};  // softmax, in the card's class order
  VerdictKind verdict = VerdictKind::inconclusive;
  std::string why{};  // one line: threshold used, or the reason to abstain (small, blurred, profile, near threshold)
};

struct DetectOptions {
  std::string face_detector;  // "" = the card's
  int threads = 0;            // 0 = all cores
  std::stop_token stop{};     // ends a video early: what was seen so far, "interrupted"
  double min_face = 0;        // pixels; faces smaller are "inconclusive" (0 = the default of QualityLimits)
};

struct FrameVerdict {
  int64_t index = 0;
  double seconds = 0;
  std::vector<FaceVerdict> faces;
};

// A video is judged by the mean score of the largest face of each sampled frame; frames whose face is small, blurred or
// turned away count only when there is no better one.
struct VideoVerdict {
  double score = 0;
  VerdictKind verdict = VerdictKind::inconclusive;
  std::string why;
  int frames_with_face = 0;          // of `frames`
  int frames_judged = 0;             // frames whose face entered the mean
  int64_t frames_skipped = 0;        // frames that could not be decoded
  std::vector<std::string> notes{};  // about the file, for people: which of its videos was read, that it is cut short
  std::vector<FrameVerdict> frames;
  std::vector<Image> pictures;  // annotated frames, parallel to `frames`, when asked for
};

// Not thread-safe: one Detector per thread.
class Detector {
 public:
  // Throws Error when the model is no detector, or its card and weights do not fit each other.
  explicit Detector(const std::filesystem::path& model, const DetectOptions& options = {});
  ~Detector();
  const ModelCard& card() const;
  // All faces; empty when none was found.
  std::vector<FaceVerdict> run(const Image& image);
  // Samples `frames` frames evenly; interrupted, it gives those looked at so far and no verdict. Throws Error when the
  // file is no video.
  VideoVerdict run_video(const std::filesystem::path& path, int frames, bool keep_pictures = false);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The picture with boxes, verdicts and scores drawn in.
Image annotate(const Image& image, const std::vector<FaceVerdict>& faces);

}  // namespace fsfm
