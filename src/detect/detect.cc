#include "detect/detect.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>
#include <span>
#include <thread>

#include "base/channel.h"
#include "base/error.h"
#include "detect/face_parts.h"
#include "detect/score_dataset.h"
#include "detect/suspects.h"
#include "detect/video_verdict.h"
#include "engine/vit.h"
#include "face/face_detector.h"
#include "face/face_quality.h"
#include "face/parser.h"
#include "face/tracks.h"
#include "media/preprocess.h"
#include "media/video.h"
#include "metrics/calibration.h"

namespace fsfm {
namespace {

Transform transform_of(const ModelFile& model) {
  try {
    return Transform::parse(model.card().resize);
  } catch (const Error& error) {
    throw error.in(model.path().string());
  }
}

}  // namespace

struct Detector::Impl {
  // The faces of one picture before the network saw them.
  struct Found {
    std::vector<FaceVerdict> faces;
    std::vector<float> inputs;  // [faces, 3, S, S]
  };
  struct FoundFrame {
    VideoReader::Frame frame;
    Found found;
  };

  std::shared_ptr<const DetectorModel> model;
  const ModelCard& card;
  std::vector<uint8_t> is_attack;
  VitEngine engine;
  Transform transform;
  Normalization normalization;
  std::unique_ptr<FaceDetector> finder;
  std::unique_ptr<FaceParser> parser;  // where covered faces are looked for or reasons given
  std::optional<FaceReconstructor> painter;
  bool check_covered, explained;
  QualityLimits limits;
  std::stop_token stop;
  StageTimes times;

  Impl(std::shared_ptr<const DetectorModel> opened, const DetectOptions& options)
      : model(std::move(opened)),
        card(model->card()),
        is_attack(attack_mask(card)),
        engine(model->engine(options.threads, options.precision)),
        transform(transform_of(model->file())),
        normalization{card.mean, card.std},
        finder(make_face_detector(options.face_detector.empty() ? card.face_detector : options.face_detector,
                                  options.threads)),
        check_covered(options.check_covered),
        explained(options.explain),
        stop(options.stop) {
    const std::string name = model->file().path().string();
    if (engine.classes() != static_cast<int>(card.classes.size()))
      throw Error(
          fmt::format("{} names {} classes but its network answers {}", name, card.classes.size(), engine.classes()),
          "the model file was put together wrongly");
    if (engine.image_size() != transform.size)
      throw Error(fmt::format("{}: its transform makes {} pixels but its network reads {}", name, transform.size,
                              engine.image_size()),
                  "the model file was put together wrongly");
    if (options.min_face > 0) limits.min_face = options.min_face;
    if (check_covered || explained) parser = make_parser();
    if (!options.foundation.empty()) painter.emplace(ModelFile::open(options.foundation), options.threads);
  }

  size_t input_values() const { return static_cast<size_t>(3) * transform.size * transform.size; }

  Found find(const Image& image) {
    const StageClock clock(times.find);
    Found found;
    for (Face& face : finder->detect(image)) {
      const Rect rect = crop_rect(face.box, image.width, image.height, card.crop_scale);
      if (rect.width < 1 || rect.height < 1) continue;
      estimate_quality(image, face);
      const Image view = crop(image, rect);
      found.inputs.resize(found.inputs.size() + input_values());
      normalize_to_chw(transform.apply(view), normalization, std::span(found.inputs).last(input_values()));
      FaceVerdict verdict{.face = std::move(face), .crop = rect};
      verdict.light = face_light(image, verdict.face.box);
      if (check_covered) verdict.face_parts = face_parts(*parser, view, rect, verdict.face.box);
      found.faces.push_back(std::move(verdict));
    }
    return found;
  }

  // `input`: the face as the network read it.
  void give_reason(FaceVerdict& face, std::span<const float> input, FaceParser& by_parser) {
    if (is_quality_reason(face.reason)) return;
    const StageClock clock(times.explain);
    const AttackOdds odds = [this](std::span<const float> images, int batch) {
      return attack_odds(engine.logits(images, batch), is_attack, card.temperature);
    };
    Image view = denormalize_from_chw(input, transform.size, transform.size, normalization);
    const ParsingMap parsed = by_parser.parse(view);
    face.explanation =
        fsfm::explain(input, make_region_map(parsed.classes, parsed.width, parsed.height, engine.layout().patch_size),
                      mirrored_patches(transform.size), odds);
    if (painter) face.explanation->repainted = repaint(view, by_parser, *painter);
    face.explanation->view = std::move(view);
    face.explanation->place = face.crop;
    if (transform.center_crop) {
      const int side = face.crop.width * transform.size / transform.resize;
      face.explanation->place = {face.crop.left + (face.crop.width - side) / 2,
                                 face.crop.top + (face.crop.height - side) / 2, side, side};
    }
  }
  void give_reasons(Found& found) {
    for (size_t i = 0; i < found.faces.size() && !stop.stop_requested(); ++i)
      give_reason(found.faces[i], std::span(found.inputs).subspan(i * input_values(), input_values()), *parser);
  }
  void explain(const Image& image, std::span<FaceVerdict> faces, FaceParser& by_parser) {
    std::vector<float> input(input_values());
    for (FaceVerdict& face : faces) {
      if (stop.stop_requested()) return;
      normalize_to_chw(transform.apply(crop(image, face.crop)), normalization, input);
      give_reason(face, input, by_parser);
    }
  }

  // Scores and judges the faces of all pictures in one go.
  void judge(std::span<Found* const> pictures) {
    const StageClock clock(times.judge);
    std::vector<float> gathered;
    std::span<const float> inputs;
    if (pictures.size() == 1) {
      inputs = pictures[0]->inputs;
    } else {
      for (const Found* found : pictures) gathered.insert(gathered.end(), found->inputs.begin(), found->inputs.end());
      inputs = gathered;
    }
    const std::vector<float> logits = engine.logits(inputs, static_cast<int>(inputs.size() / input_values()));
    require_finite(logits);
    const std::vector<double> scores = metrics::attack_scores(logits, is_attack, card.temperature);
    const size_t classes = card.classes.size();
    size_t i = 0;
    for (Found* found : pictures)
      for (FaceVerdict& v : found->faces) {
        v.per_class = metrics::softmax(std::span(logits).subspan(i * classes, classes), card.temperature);
        v.score = scores[i++];
        const auto problem = quality_problem(v.face, v.light, v.face_parts, limits);
        const Judgement judgement = problem ? *problem : judge_score(v.score, card);
        v.verdict = judgement.verdict;
        v.reason = judgement.reason;
        v.why = judgement.why;
      }
  }

  std::vector<FaceVerdict> run(const Image& image) {
    Found found = find(image);
    Found* const one = &found;
    if (!found.faces.empty()) judge({&one, 1});
    if (explained) give_reasons(found);
    return std::move(found.faces);
  }

  std::vector<std::vector<FaceVerdict>> run(std::span<const Image> images) {
    std::vector<Found> found;
    std::vector<Found*> with_faces;
    for (const Image& image : images) found.push_back(find(image));
    for (Found& each : found)
      if (!each.faces.empty()) with_faces.push_back(&each);
    if (!with_faces.empty()) judge(with_faces);
    if (explained)
      for (Found& each : found) give_reasons(each);
    std::vector<std::vector<FaceVerdict>> faces;
    for (Found& each : found) faces.push_back(std::move(each.faces));
    return faces;
  }

  // Decoding, finding and judging run at once, frames in order; the network takes the faces of a few frames at a time.
  VideoVerdict run_video(VideoReader& reader, int count, const FrameSink& sink) {
    constexpr size_t kWaiting = 4, kTogether = 4;
    const std::vector<int64_t> wanted = linspace_frames(reader.frame_count(), count);
    Channel<VideoReader::Frame> decoded(kWaiting);
    Channel<FoundFrame> found(kWaiting);
    VideoVerdict video;
    Suspects suspects;
    {
      std::jthread decoder([&] { decode(reader, wanted, decoded); });
      std::jthread searcher([&] { search(decoded, found); });
      struct Abandon {
        Channel<VideoReader::Frame>& decoded;
        Channel<FoundFrame>& found;
        ~Abandon() {
          found.abandon();
          decoded.abandon();
        }
      } const abandon{decoded, found};
      std::vector<FoundFrame> together;
      for (bool more = true; more;) {
        auto next = found.pop();
        more = next.has_value();
        if (next) together.push_back(std::move(*next));
        if (together.size() < kTogether && more) continue;
        std::vector<Found*> pictures;
        for (auto& frame : together) pictures.push_back(&frame.found);
        if (!pictures.empty()) judge(pictures);
        for (auto& [frame, faces] : together) {
          if (explained) suspects.consider(faces.faces, faces.inputs, video.frames.size());
          video.frames.push_back({frame.index, frame.seconds, std::move(faces.faces)});
          if (sink) sink(frame.image, video.frames.back());
        }
        together.clear();
      }
    }
    video.frames_skipped = reader.skipped();
    video.notes = reader.notes();
    if (stop.stop_requested()) {
      video.reason = Reason::interrupted;
      video.why = "interrupted";
      return video;
    }
    conclude(video, card);
    for (const size_t i : video.worst)
      if (const Suspects::Kept* kept = suspects.of(i))
        give_reason(video.frames[i].faces[kept->face], kept->input, *parser);
    return video;
  }

  void decode(VideoReader& reader, const std::vector<int64_t>& wanted, Channel<VideoReader::Frame>& out) {
    try {
      while (!stop.stop_requested()) {
        std::optional<VideoReader::Frame> frame;
        {
          const StageClock clock(times.decode);
          frame = reader.next(wanted);
        }
        if (!frame || !out.push(std::move(*frame))) break;
      }
      out.close();
    } catch (...) {
      out.close(std::current_exception());
    }
  }

  void search(Channel<VideoReader::Frame>& in, Channel<FoundFrame>& out) {
    try {
      FaceTracker tracker;
      while (auto frame = in.pop()) {
        Found found = find(frame->image);
        std::vector<Face> faces;
        for (const auto& v : found.faces) faces.push_back(v.face);
        const std::vector<int> persons = tracker.add(frame->image, faces);
        for (size_t i = 0; i < persons.size(); ++i) found.faces[i].person = persons[i];
        if (!out.push({std::move(*frame), std::move(found)})) break;
      }
      out.close();
    } catch (...) {
      out.close(std::current_exception());
    }
    in.abandon();
  }
};

Detector::Detector(const std::filesystem::path& model, const DetectOptions& options)
    : Detector(DetectorModel::open(model), options) {}
Detector::Detector(std::shared_ptr<const DetectorModel> model, const DetectOptions& options)
    : impl_(std::make_unique<Impl>(std::move(model), options)) {}
Detector::~Detector() = default;
const ModelCard& Detector::card() const { return impl_->card; }
const DetectorModel& Detector::model() const { return *impl_->model; }
const StageTimes& Detector::times() const { return impl_->times; }
std::vector<FaceVerdict> Detector::run(const Image& image) { return impl_->run(image); }
void Detector::explain(const Image& image, std::span<FaceVerdict> faces, FaceParser& parser) {
  impl_->explain(image, faces, parser);
}
std::vector<std::vector<FaceVerdict>> Detector::run(std::span<const Image> images) { return impl_->run(images); }

VideoVerdict Detector::run_video(VideoReader& reader, int frames, const FrameSink& sink) {
  return impl_->run_video(reader, frames, sink);
}

VideoVerdict Detector::run_video(const std::filesystem::path& path, int frames, bool keep_pictures) {
  std::vector<Image> pictures;
  VideoReader reader(path, {.stop = impl_->stop});
  FrameSink keep;
  if (keep_pictures)
    keep = [&](const Image& frame, const FrameVerdict& verdict) { pictures.push_back(annotate(frame, verdict.faces)); };
  VideoVerdict video = run_video(reader, frames, keep);
  video.pictures = std::move(pictures);
  return video;
}

}  // namespace fsfm
