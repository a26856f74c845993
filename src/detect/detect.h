// The main job: a picture or video in, an honest verdict per face out. No libtorch.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "detect/explain.h"
#include "detect/stage_times.h"
#include "detect/verdict.h"
#include "engine/vit.h"
#include "face/face.h"
#include "media/video.h"
#include "model/model_file.h"

namespace fsfm {

struct FaceVerdict {
  Face face;
  Rect crop;                           // what the network saw
  FaceLight light{};                   // of the box
  std::optional<double> face_parts{};  // QualityLimits::min_face_parts, where a parser looked
  double score = 0;                    // P(attack), calibrated with the card's temperature
  std::vector<double> per_class{};     // softmax, in the card's class order
  VerdictKind verdict = VerdictKind::inconclusive;
  Reason reason = Reason::no_face;
  std::string why{};  // one line: threshold used, or the reason to abstain (small, blurred, profile, near threshold)
  int person = -1;    // of a video: 0, 1, ... in order of appearance
  std::optional<Explanation> explanation{};  // DetectOptions::explain, of a face that is fit for a verdict
};

struct DetectOptions {
  std::string face_detector;  // "" = the card's
  int threads = 0;            // 0 = all cores
  EnginePrecision precision = EnginePrecision::automatic;
  std::stop_token stop{};      // ends a video early: what was seen so far, "interrupted"
  double min_face = 0;         // pixels; faces smaller are "inconclusive" (0 = the default of QualityLimits)
  bool check_covered = false;  // also run the shipped face parser on every face (some 20 ms each)
  // Also say where in a face its score comes from: some 37 more passes of the network a face; of a video's frames only
  // the worst moments.
  bool explain = false;
  // A pretrained network that paints what is explained anew (Explanation::repainted); "": none.
  std::filesystem::path foundation{};
};

class FaceParser;

// A detector's file, opened and checked once, for any number of Detectors of many threads, which share its packed
// weights. Thread-safe.
class DetectorModel {
 public:
  // `fpr` > 0: the threshold that the card's ROC gives for this rate of false alarms. Throws Error when the file is no
  // detector, its card and weights do not fit each other, or the card cannot tell such a rate.
  static std::shared_ptr<const DetectorModel> open(const std::filesystem::path& file, double fpr = 0);
  // The same of an opened file.
  static std::shared_ptr<const DetectorModel> of(ModelFile file, double fpr = 0);

  const ModelCard& card() const { return card_; }
  const ModelFile& file() const { return file_; }
  // SHA-256 of the weights' file; "" of a model that came from memory or in several files. Read anew at each call.
  std::string sha256() const;
  // A network of one's own. The weights are packed at the first call for a precision and stay as long as the model.
  VitEngine engine(int threads, EnginePrecision precision) const;

 private:
  DetectorModel(ModelFile file, double fpr);
  ModelFile file_;
  ModelCard card_;
  mutable std::mutex packing_;
  mutable std::map<EnginePrecision, VitEngine> packed_;  // none of these runs
};

struct FrameVerdict {
  int64_t index = 0;
  double seconds = 0;
  std::vector<FaceVerdict> faces;
};

// One face followed through a video: the mean score of its frames, unfit ones only when there are no others.
struct PersonVerdict {
  int person = 0;
  int frames_with_face = 0, frames_judged = 0;
  double score = 0;
  VerdictKind verdict = VerdictKind::inconclusive;
  Reason reason = Reason::no_face;
  std::string why;
};

// `score` is the mean of the largest face of each sampled frame; frames whose face is unfit count only when there is no
// better one. The verdict is that of the score, except that a film in which another person is an attack is one: it
// takes kPersonFrames judged frames of that person, for one confident frame is not enough.
struct VideoVerdict {
  double score = 0;
  VerdictKind verdict = VerdictKind::inconclusive;
  Reason reason = Reason::no_face;
  std::string why;
  int frames_with_face = 0;          // of `frames`
  int frames_judged = 0;             // frames whose face entered the mean
  int64_t frames_skipped = 0;        // frames that could not be decoded
  std::vector<std::string> notes{};  // about the file, for people: which of its videos was read, that it is cut short
  std::vector<PersonVerdict> persons;
  std::vector<size_t> worst;  // positions in `frames` of the highest scores, apart in time, highest first
  std::vector<FrameVerdict> frames;
  std::vector<Image> pictures;  // annotated frames, parallel to `frames`, when asked for
};

inline constexpr int kPersonFrames = 3;  // fewer judged frames of a person decide nothing about the film

// Called with each frame as it is judged, in order.
using FrameSink = std::function<void(const Image& frame, const FrameVerdict& verdict)>;

// Not thread-safe: one Detector per thread; they share the DetectorModel.
class Detector {
 public:
  // Throws Error as DetectorModel::open.
  explicit Detector(const std::filesystem::path& model, const DetectOptions& options = {});
  explicit Detector(std::shared_ptr<const DetectorModel> model, const DetectOptions& options = {});
  ~Detector();
  const ModelCard& card() const;
  const DetectorModel& model() const;
  // All faces; empty when none was found.
  std::vector<FaceVerdict> run(const Image& image);
  // Gives reasons to those of `faces` that are fit for a verdict, whatever DetectOptions::explain says. They are faces
  // that run() found in this very picture; `parser` sees where the parts of a face are.
  void explain(const Image& image, std::span<FaceVerdict> faces, FaceParser& parser);
  // The same of several pictures, whose faces the network takes together. Parallel to `images`.
  std::vector<std::vector<FaceVerdict>> run(std::span<const Image> images);
  // Samples `frames` frames evenly; interrupted, it gives those looked at so far and no verdict. Decoding, finding and
  // judging overlap. Throws Error when the file is no video.
  VideoVerdict run_video(const std::filesystem::path& path, int frames, bool keep_pictures = false);
  VideoVerdict run_video(VideoReader& reader, int frames, const FrameSink& sink = {});
  // Where this detector's time went so far.
  const StageTimes& times() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The picture with boxes, verdicts and scores drawn in.
Image annotate(const Image& image, const std::vector<FaceVerdict>& faces);

}  // namespace fsfm
