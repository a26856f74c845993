#include "detect/video_verdict.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace fsfm {
namespace {

constexpr size_t kWorstMoments = 4;

const FaceVerdict* largest(const std::vector<FaceVerdict>& faces) {
  const FaceVerdict* best = nullptr;
  auto area = [](const Rect& box) { return static_cast<int64_t>(box.width) * box.height; };
  for (const auto& face : faces)
    if (!best || area(face.face.box) > area(best->face.box)) best = &face;
  return best;
}

// The mean of the fit faces, of all where none is fit.
struct Mean {
  double score = 0;
  int seen = 0, judged = 0;
  bool fit = false;
  Judgement judgement;
};

Mean judge_mean(const std::vector<const FaceVerdict*>& faces, const ModelCard& card) {
  Mean mean;
  mean.seen = static_cast<int>(faces.size());
  const auto is_fit = [](const FaceVerdict* face) { return !is_quality_reason(face->reason); };
  mean.fit = std::any_of(faces.begin(), faces.end(), is_fit);
  double sum = 0;
  for (const FaceVerdict* face : faces) {
    if (mean.fit && !is_fit(face)) continue;
    sum += face->score;
    ++mean.judged;
  }
  mean.score = mean.judged > 0 ? sum / mean.judged : 0;
  if (!mean.fit) {
    mean.judgement = {VerdictKind::inconclusive, Reason::poor_frames,
                      mean.seen == 1
                          ? "in the only frame with a face " + faces.front()->why
                          : fmt::format("in none of {} frames is the face fit for a verdict, in the first {}",
                                        mean.seen, faces.front()->why)};
    return mean;
  }
  mean.judgement = judge_score(mean.score, card);
  mean.judgement.why =
      fmt::format("mean of {} frame{}: {}", mean.judged, mean.judged == 1 ? "" : "s", mean.judgement.why);
  return mean;
}

double suspicion(const FrameVerdict& frame) {
  double highest = -1;
  for (const auto& face : frame.faces)
    if (!is_quality_reason(face.reason)) highest = std::max(highest, face.score);
  return highest;
}

std::vector<size_t> worst_moments(const std::vector<FrameVerdict>& frames) {
  std::vector<size_t> order;
  for (size_t i = 0; i < frames.size(); ++i)
    if (suspicion(frames[i]) >= 0) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return suspicion(frames[a]) > suspicion(frames[b]); });
  // Neighbouring frames show the same moment: the film's length over three times their number lies between two.
  const double apart =
      frames.empty() ? 0
                     : (frames.back().seconds - frames.front().seconds) / (3.0 * static_cast<double>(kWorstMoments));
  std::vector<size_t> worst;
  for (const size_t i : order) {
    const auto near = [&](size_t other) { return std::fabs(frames[i].seconds - frames[other].seconds) < apart; };
    if (worst.size() < kWorstMoments && std::none_of(worst.begin(), worst.end(), near)) worst.push_back(i);
  }
  return worst;
}

std::vector<PersonVerdict> judge_persons(const std::vector<FrameVerdict>& frames, const ModelCard& card) {
  std::map<int, std::vector<const FaceVerdict*>> faces;
  for (const auto& frame : frames)
    for (const auto& face : frame.faces)
      if (face.person >= 0) faces[face.person].push_back(&face);
  std::vector<PersonVerdict> persons;
  for (const auto& [person, seen] : faces) {
    const Mean mean = judge_mean(seen, card);
    persons.push_back({person, mean.seen, mean.judged, mean.score, mean.judgement.verdict, mean.judgement.reason,
                       mean.judgement.why});
  }
  return persons;
}

}  // namespace

void conclude(VideoVerdict& video, const ModelCard& card) {
  std::vector<const FaceVerdict*> faces;
  for (const auto& frame : video.frames)
    if (const FaceVerdict* face = largest(frame.faces)) faces.push_back(face);
  if (faces.empty()) {
    video.reason = Reason::no_face;
    video.why = fmt::format("no face in the {} frames looked at", video.frames.size());
    return;
  }
  const Mean mean = judge_mean(faces, card);
  video.score = mean.score;
  video.frames_with_face = mean.seen;
  video.frames_judged = mean.judged;
  video.verdict = mean.judgement.verdict;
  video.reason = mean.judgement.reason;
  video.why = mean.judgement.why;
  video.persons = judge_persons(video.frames, card);
  video.worst = worst_moments(video.frames);
  if (video.verdict == VerdictKind::attack || video.persons.size() < 2) return;
  const auto worse = [](const PersonVerdict& p) {
    return p.verdict == VerdictKind::attack && p.frames_judged >= kPersonFrames;
  };
  const PersonVerdict* attack = nullptr;
  for (const auto& person : video.persons)
    if (worse(person) && (!attack || person.score > attack->score)) attack = &person;
  if (!attack) return;
  video.verdict = VerdictKind::attack;
  video.reason = attack->reason;
  video.why = fmt::format("person {}: {}", attack->person + 1, attack->why);
}

}  // namespace fsfm
