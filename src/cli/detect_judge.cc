#include "cli/detect_judge.h"

#include <spdlog/fmt/fmt.h>

#include <span>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "detect/verdict_json.h"
#include "media/codec.h"
#include "media/draw.h"
#include "media/video.h"

namespace fsfm::cli {
namespace {

bool is_standard_input(const DetectInput& input) { return input.path == kStandardInput; }

std::string name_for_people(const DetectInput& input) {
  return input.shown.empty() ? one_line(input.path.string()) : one_line(input.shown);
}

std::string counted(size_t n, const std::string& word) { return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s"); }

// "the mouth speaks most for a forgery (mouth +1.3, eyes +0.4, ...)"
std::string explanation_line(const Explanation& explanation) {
  return fmt::format("{} ({})", explanation.sentence, effects_text(explanation));
}

void judge_picture(Judged& judged, Detector& detector, const DetectInput& input, const DetectRequest& request,
                   const std::vector<std::byte>& bytes, StageTimes& times) {
  const bool piped = is_standard_input(input);
  Picture picture;
  InputFacts facts;
  {
    const StageClock clock(times.decode);
    picture = piped ? decode_picture(bytes, name_for_people(input)) : read_picture(input.path);
    facts = piped ? input_facts(bytes) : input_facts(input.path);
  }
  const std::vector<FaceVerdict> faces = detector.run(picture.image);
  judged.text =
      fmt::format("{}: {}\n", name_for_people(input), faces.empty() ? "no face found" : counted(faces.size(), "face"));
  for (const auto& v : faces) {
    const Rect& box = v.face.box;
    judged.text += fmt::format("  {:<12}  {:.3f}  box {}x{} at {},{}  {}\n", verdict_name(v.verdict), v.score,
                               box.width, box.height, box.left, box.top, v.why);
    if (v.explanation) judged.text += fmt::format("                {}\n", explanation_line(*v.explanation));
  }
  judged.entry = verdict_entry(input.path, faces, detector.card(), facts);
  if (!picture.note.empty()) {
    judged.entry["note"] = picture.note;
    judged.text += fmt::format("  note: {}\n", picture.note);
  }
  if (!request.out.empty()) judged.annotated = annotate(picture.image, faces);
  if (!request.report.empty()) judged.shots.push_back(report::picture_shot(picture.image, faces));
}

void judge_video(Judged& judged, Detector& detector, const DetectInput& input, const DetectRequest& request,
                 const std::vector<std::byte>& bytes, StageTimes& times) {
  const bool piped = is_standard_input(input);
  const VideoOptions options{.stop = request.detect.stop};
  InputFacts facts;
  std::optional<VideoReader> reader;
  {
    const StageClock clock(times.decode);
    facts = piped ? input_facts(bytes) : input_facts(input.path);
    if (piped)
      reader.emplace(bytes, name_for_people(input), options);
    else
      reader.emplace(input.path, options);
  }
  std::vector<SheetTile> tiles;
  size_t position = 0;
  const size_t step = static_cast<size_t>((request.frames + report::kMostFrames - 1) / report::kMostFrames);
  const VideoVerdict video =
      detector.run_video(*reader, request.frames, [&](const Image& frame, const FrameVerdict& verdict) {
        if (!request.out.empty())
          tiles.push_back({annotate(frame, verdict.faces), fmt::format("{:.1f} s", verdict.seconds)});
        if (!request.report.empty() && position % step == 0)
          judged.shots.push_back(report::frame_shot(frame, verdict, position));
        ++position;
      });
  if (video.reason == Reason::interrupted) return;  // a part of the frames is no verdict
  for (const auto& note : video.notes) judged.warnings.push_back(name_for_people(input) + ": " + note);
  judged.text = fmt::format("{}: video, {} looked at, {} with a face\n", name_for_people(input),
                            counted(video.frames.size(), "frame"), video.frames_with_face);
  const auto line = [](VerdictKind verdict, int frames, double score, const std::string& why) {
    return frames > 0 ? fmt::format("  {:<12}  {:.3f}  {}\n", verdict_name(verdict), score, why)
                      : fmt::format("  {:<12}  {}\n", verdict_name(verdict), why);
  };
  judged.text += line(video.verdict, video.frames_judged, video.score, video.why);
  if (video.persons.size() > 1)
    for (const auto& p : video.persons)
      judged.text += "  person " + std::to_string(p.person + 1) + line(p.verdict, p.frames_judged, p.score, p.why);
  if (!video.worst.empty() && video.frames.size() > 1) {
    std::vector<std::string> moments;
    for (const size_t i : video.worst) moments.push_back(fmt::format("{:.1f} s", video.frames[i].seconds));
    judged.text += fmt::format("  highest scores at {}\n", join(moments, ", "));
  }
  for (const size_t i : video.worst)
    for (const auto& v : video.frames[i].faces)
      if (v.explanation)
        judged.text += fmt::format("  at {:.1f} s: {}\n", video.frames[i].seconds, explanation_line(*v.explanation));
  if (!tiles.empty())
    judged.annotated = contact_sheet(
        tiles, 4, 320, fmt::format("{}: {}", input.path.filename().string(), verdict_name(video.verdict)));
  judged.entry = verdict_entry(input.path, video, detector.card(), facts);
}

Judged failed(const DetectInput& input, Failure failure) {
  // What is no Error of ours ("out of memory") does not know which file it was about.
  const std::string name = name_for_people(input);
  if (failure.message.find(name) == std::string::npos) failure.message = name + ": " + failure.message;
  Judged judged;
  judged.entry = error_entry(input.path, failure.message);
  judged.failure = std::move(failure);
  return judged;
}

}  // namespace

Judged judge_input(Detector& detector, const DetectInput& input, const DetectRequest& request,
                   const std::vector<std::byte>& bytes, StageTimes& times) {
  if (!input.skipped.empty()) {
    Judged judged;
    judged.entry = skipped_entry(input.path, input.skipped);
    judged.text = fmt::format("{}: left out, {}\n", name_for_people(input), one_line(input.skipped));
    return judged;
  }
  if (!input.problem.empty()) return failed(input, {one_line(input.problem)});
  try {
    Judged judged;
    (input.video ? judge_video : judge_picture)(judged, detector, input, request, bytes, times);
    return judged;
  } catch (...) {
    return failed(input, describe_failure());
  }
}

}  // namespace fsfm::cli
