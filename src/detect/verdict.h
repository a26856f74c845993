// From a network's answer to an honest word: real, attack, or "cannot tell" with the reason.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "face/face.h"
#include "face/face_quality.h"
#include "model/model_file.h"

namespace fsfm {

enum class VerdictKind { real, attack, inconclusive };
const char* verdict_name(VerdictKind kind);

// Why a verdict is what it is, for programs; the sentence beside it is for people.
enum class Reason {
  below_threshold,  // real
  above_threshold,  // attack
  doubt_band,       // the score lies in the model's undecided range
  too_small,        // from here to `covered`: the face is not fit for a verdict, whatever its score
  blurred,
  turned_away,
  dark,
  overexposed,
  covered,      // the face parser sees too little of a face
  poor_frames,  // of a video: all frames with a face are unfit
  no_face,      // of a video
  interrupted,  // of a video
};
// "below_threshold", "too_small", ...: the values of `reason` in docs/verdict-json.md.
const char* reason_name(Reason reason);
// True for what makes a face unfit for a verdict.
bool is_quality_reason(Reason reason);

struct Judgement {
  VerdictKind verdict = VerdictKind::inconclusive;
  Reason reason = Reason::no_face;
  std::string why;  // one line: the threshold used, or the reason to abstain
};

// Faces below these limits get a score but no verdict.
struct QualityLimits {
  double min_face = 48;         // pixels, shorter side of the detector's box
  double min_blur = 20;         // Face::blur
  double max_yaw = 60;          // degrees to either side
  double min_light = 40;        // FaceLight::bright: even the light parts of the face are nearly black
  double max_blown_out = 0.4;   // FaceLight::blown_out
  double min_face_parts = 0.3;  // share of the box's middle that a face parser calls skin, brow, eye, nose or mouth
};

// The card's threshold; 0.5 when it names none.
double decision_threshold(const ModelCard& card);
// Throws Error when a network's answer holds NaN or infinity: every comparison with NaN would say "real".
void require_finite(std::span<const float> logits);

// Why this face is not fit for a verdict; nullopt if it is. `face_parts`: see QualityLimits, where a parser looked.
std::optional<Judgement> quality_problem(const Face& face, const FaceLight& light,
                                         const std::optional<double>& face_parts, const QualityLimits& limits);
// The verdict on a score by threshold and abstain range alone.
Judgement judge_score(double score, const ModelCard& card);

}  // namespace fsfm
