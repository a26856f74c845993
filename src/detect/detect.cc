#include "detect/detect.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "detect/score_dataset.h"
#include "engine/vit.h"
#include "face/face_detector.h"
#include "face/face_quality.h"
#include "media/preprocess.h"
#include "media/video.h"
#include "metrics/calibration.h"

namespace fsfm {
namespace {

const ModelFile& check_detector(const ModelFile& model) {
  const ModelCard& card = model.card();
  auto bad = [&](const std::string& what, const std::string& hint) {
    return Error(model.path().string() + " " + what, hint);
  };
  if (card.kind != "detector")
    throw bad("is no detector but a '" + card.kind + "' model", "fine-tune it first: fsfm finetune --help");
  if (card.architecture != "vit") throw bad("has the unknown architecture '" + card.architecture + "'", "update fsfm");
  if (card.attack_classes.empty())
    throw bad("does not say which of its classes mean attack", "state them: fsfm convert --attack-classes");
  if (card.attack_classes.size() >= card.classes.size())
    throw bad("says that all of its classes mean attack", "state those that do: fsfm convert --attack-classes");
  return model;
}

Transform transform_of(const ModelFile& model) {
  try {
    return Transform::parse(model.card().resize);
  } catch (const Error& error) {
    throw Error(model.path().string() + ": " + error.what());
  }
}

const FaceVerdict* largest(const std::vector<FaceVerdict>& faces) {
  const FaceVerdict* best = nullptr;
  auto area = [](const Rect& box) { return static_cast<int64_t>(box.width) * box.height; };
  for (const auto& face : faces)
    if (!best || area(face.face.box) > area(best->face.box)) best = &face;
  return best;
}

}  // namespace

struct Detector::Impl {
  ModelCard card;
  std::vector<uint8_t> is_attack;
  VitEngine engine;
  Transform transform;
  Normalization normalization;
  std::unique_ptr<FaceDetector> finder;
  QualityLimits limits;
  std::stop_token stop;

  Impl(const ModelFile& model, const DetectOptions& options)
      : card(check_detector(model).card()),
        is_attack(attack_mask(card)),
        engine(model, options.threads),
        transform(transform_of(model)),
        normalization{card.mean, card.std},
        finder(make_face_detector(options.face_detector.empty() ? card.face_detector : options.face_detector)),
        stop(options.stop) {
    const std::string name = model.path().string();
    if (engine.classes() != static_cast<int>(card.classes.size()))
      throw Error(
          fmt::format("{} names {} classes but its network answers {}", name, card.classes.size(), engine.classes()),
          "the model file was put together wrongly");
    if (engine.image_size() != transform.size)
      throw Error(fmt::format("{}: its transform makes {} pixels but its network reads {}", name, transform.size,
                              engine.image_size()),
                  "the model file was put together wrongly");
    if (options.min_face > 0) limits.min_face = options.min_face;
  }

  std::vector<FaceVerdict> run(const Image& image) {
    std::vector<FaceVerdict> verdicts;
    const size_t values = static_cast<size_t>(3) * transform.size * transform.size;
    std::vector<float> inputs;  // [faces, 3, S, S]
    for (Face& face : finder->detect(image)) {
      const Rect rect = crop_rect(face.box, image.width, image.height, card.crop_scale);
      if (rect.width < 1 || rect.height < 1) continue;
      estimate_quality(image, face);
      inputs.resize(inputs.size() + values);
      normalize_to_chw(transform.apply(crop(image, rect)), normalization, std::span(inputs).last(values));
      verdicts.push_back({.face = std::move(face), .crop = rect});
    }
    const std::vector<float> logits = engine.logits(inputs, static_cast<int>(verdicts.size()));
    require_finite(logits);
    const std::vector<double> scores = metrics::attack_scores(logits, is_attack, card.temperature);
    const size_t classes = card.classes.size();
    for (size_t i = 0; i < verdicts.size(); ++i) {
      FaceVerdict& v = verdicts[i];
      v.per_class = metrics::softmax(std::span(logits).subspan(i * classes, classes), card.temperature);
      v.score = scores[i];
      v.why = quality_problem(v.face, limits);
      if (!v.why.empty()) continue;
      Judgement judgement = judge_score(v.score, card);
      v.verdict = judgement.verdict;
      v.why = std::move(judgement.why);
    }
    return verdicts;
  }

  VideoVerdict summarize(VideoVerdict video) const {
    std::vector<double> good, all;
    for (const auto& frame : video.frames)
      if (const FaceVerdict* face = largest(frame.faces)) {
        all.push_back(face->score);
        if (quality_problem(face->face, limits).empty()) good.push_back(face->score);
      }
    const std::vector<double>& scores = good.empty() ? all : good;
    video.frames_with_face = static_cast<int>(all.size());
    video.frames_judged = static_cast<int>(scores.size());
    if (scores.empty()) {
      video.why = fmt::format("no face in the {} frames looked at", video.frames.size());
      return video;
    }
    for (const double score : scores) video.score += score / static_cast<double>(scores.size());
    if (good.empty()) {
      video.why = all.size() == 1
                      ? "in the only frame with a face it is small, blurred or turned away"
                      : fmt::format("in all {} frames with a face it is small, blurred or turned away", all.size());
      return video;
    }
    const Judgement judgement = judge_score(video.score, card);
    video.verdict = judgement.verdict;
    video.why = fmt::format("mean of {} frame{}: {}", good.size(), good.size() == 1 ? "" : "s", judgement.why);
    return video;
  }
};

Detector::Detector(const std::filesystem::path& model, const DetectOptions& options)
    : impl_(std::make_unique<Impl>(ModelFile::open(model), options)) {}
Detector::~Detector() = default;
const ModelCard& Detector::card() const { return impl_->card; }
std::vector<FaceVerdict> Detector::run(const Image& image) { return impl_->run(image); }

VideoVerdict Detector::run_video(const std::filesystem::path& path, int frames, bool keep_pictures) {
  VideoReader reader(path, {.stop = impl_->stop});
  const std::vector<int64_t> wanted = linspace_frames(reader.frame_count(), frames);
  VideoVerdict video;
  while (!impl_->stop.stop_requested()) {
    const auto frame = reader.next(wanted);
    if (!frame) break;
    video.frames.push_back({frame->index, frame->seconds, run(frame->image)});
    if (keep_pictures) video.pictures.push_back(annotate(frame->image, video.frames.back().faces));
  }
  video.frames_skipped = reader.skipped();
  video.notes = reader.notes();
  if (impl_->stop.stop_requested()) {
    video.why = "interrupted";
    return video;
  }
  return impl_->summarize(std::move(video));
}

}  // namespace fsfm
