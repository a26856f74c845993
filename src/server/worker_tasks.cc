#include "server/worker_tasks.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "detect/detect.h"
#include "detect/picture_verdict.h"
#include "detect/verdict_json.h"
#include "media/codec.h"
#include "media/preprocess.h"
#include "media/video.h"
#include "server/mask_task.h"
#include "server/problem.h"

namespace fsfm::server {
namespace {

using nlohmann::json;

// Adds the time between two looks at a detector's clock, and what decoding a picture took.
json times_between(const StageTimes& before, const StageTimes& after, double decode) {
  return {{"decode", after.decode - before.decode + decode},
          {"find", after.find - before.find},
          {"judge", after.judge - before.judge}};
}

// The word for a whole picture: its worst face.
json summary(const std::vector<FaceVerdict>& faces) {
  const auto whole = picture_verdict(faces);
  return {{"kind", "picture"},
          {"verdict", whole ? verdict_name(whole->verdict) : "no_face"},
          {"score", whole ? json(whole->score) : json()},
          {"faces", faces.size()}};
}

}  // namespace

struct WorkerTasks::Impl {
  json settings, hello;
  std::shared_ptr<const DetectorModel> model;
  Detector detector;
  std::unique_ptr<FaceParser> parser;        // nullptr where none comes with the program
  std::optional<FaceReconstructor> painter;  // where a foundation model is there
  std::optional<VitEngine> features;         // made when first asked for, of the weights above

  explicit Impl(const json& wanted)
      : settings(wanted),
        model(DetectorModel::open(wanted.at("model").get<std::string>())),
        detector(model, DetectOptions{.face_detector = wanted.at("face_detector").get<std::string>(),
                                      .threads = wanted.at("threads").get<int>(),
                                      .min_face = wanted.at("min_face").get<double>()}) {
    try {
      parser = make_parser();
    } catch (const Error&) {  // the playground then says so
    }
    if (const auto foundation = wanted.at("foundation").get<std::string>(); !foundation.empty()) {
      painter.emplace(ModelFile::open(foundation), wanted.at("threads").get<int>());
      const int side = painter->side(), grid = side / painter->patch();
      std::vector<uint8_t> masked(static_cast<size_t>(grid) * grid, 1);
      masked[0] = 0;
      painter->paint(Image(side, side, 128), masked);
    }
    const Image blank(320, 320, 128);
    detector.run(blank);
    if (parser) parser->parse(blank);
    json header = verdict_header(*model);
    header["model"] = model->file().path().filename().string();  // where it lies is nobody else's business
    hello = {{"header", header},
             {"card", model->card().to_json()},
             {"sha256", model->sha256()},
             {"parser", parser ? json(parser->name()) : json()}};
  }

  std::string name_of(const TaskInput& input) const { return input.task.at("name").get<std::string>(); }

  Image decode(const TaskInput& input) const {
    return decode_picture(input.bytes, name_of(input),
                          {.max_pixels = settings.at("max_pixels").get<int64_t>(),
                           .max_bytes = static_cast<int64_t>(input.bytes.size()) + 1})
        .image;
  }

  void check_faces(size_t faces) const {
    const auto most = settings.at("max_faces").get<size_t>();
    if (faces > most)
      throw Problem(413, "too-many-faces",
                    fmt::format("the picture shows {} faces, at most {} are judged; cut it into parts", faces, most));
  }

  json picture_answer(const TaskInput& input, const std::vector<FaceVerdict>& faces) const {
    check_faces(faces.size());
    json answer = summary(faces);
    answer["entry"] = verdict_entry(name_of(input), faces, model->card(), input_facts(input.bytes));
    return answer;
  }

  json video(const TaskInput& input, const std::function<void(int64_t, int64_t)>& progress) {
    VideoReader reader(input.bytes, name_of(input), {.threads = settings.at("threads").get<int>()});
    const double longest = settings.at("max_video_seconds").get<double>();
    if (reader.fps() > 0 && static_cast<double>(reader.frame_count()) / reader.fps() > longest)
      throw Problem(413, "too-long",
                    fmt::format("the video lasts {:.0f} seconds, at most {:.0f} are judged; cut it into parts",
                                static_cast<double>(reader.frame_count()) / reader.fps(), longest));
    if (static_cast<int64_t>(reader.width()) * reader.height() > settings.at("max_pixels").get<int64_t>())
      throw Problem(413, "too-large", "the video's frames have too many pixels; send a smaller version");
    const int frames = input.task.at("frames").get<int>();
    const StageTimes before = detector.times();
    int64_t done = 0;
    const auto of = std::min<int64_t>(frames, reader.frame_count());
    const VideoVerdict verdict =
        detector.run_video(reader, frames, [&](const Image&, const FrameVerdict&) { progress(++done, of); });
    return {{"entry", verdict_entry(name_of(input), verdict, model->card(), input_facts(input.bytes))},
            {"kind", "video"},
            {"verdict", verdict.frames_with_face > 0 ? verdict_name(verdict.verdict) : "no_face"},
            {"score", verdict.frames_judged > 0 ? json(verdict.score) : json()},
            {"faces", verdict.persons.size()},
            {"times", times_between(before, detector.times(), 0)}};
  }

  // The crops and transform that verdicts are made of, so that features and scores speak of the same pixels.
  json embed(const TaskInput& input) {
    const Image image = decode(input);
    const std::vector<FaceVerdict> faces = detector.run(image);
    check_faces(faces.size());
    if (!features) features.emplace(model->engine(settings.at("threads").get<int>(), EnginePrecision::automatic));
    const Transform transform = Transform::parse(model->card().resize);
    const size_t values = static_cast<size_t>(3) * transform.size * transform.size;
    std::vector<float> inputs;  // [faces, 3, S, S]
    for (const auto& face : faces) {
      inputs.resize(inputs.size() + values);
      normalize_to_chw(transform.apply(crop(image, face.crop)), {model->card().mean, model->card().std},
                       std::span(inputs).last(values));
    }
    std::vector<float> pooled;  // [faces, D]
    if (!faces.empty()) pooled = features->features(inputs, static_cast<int>(faces.size()));
    json list = json::array();
    for (size_t i = 0; i < faces.size(); ++i) {
      const size_t width = pooled.size() / faces.size();
      const auto part = std::span(pooled).subspan(i * width, width);
      const Rect& box = faces[i].face.box;
      list.push_back({{"box", {box.left, box.top, box.width, box.height}},
                      {"embedding", std::vector<float>(part.begin(), part.end())}});
    }
    return {{"entry", {{"file", name_of(input)}, {"faces", list}}}};
  }

  // One face of the picture (by its place in the list), or all (-1).
  json explain(const TaskInput& input) {
    need_parser();
    const StageTimes before = detector.times();
    double decode_seconds = 0;
    Image image;
    {
      const StageClock clock(decode_seconds);
      image = decode(input);
    }
    std::vector<FaceVerdict> faces = detector.run(image);
    check_faces(faces.size());
    const auto wanted = input.task.at("face").get<int64_t>();
    if (wanted >= static_cast<int64_t>(faces.size()))
      throw Problem(422, "no-such-face",
                    fmt::format("the picture shows {} faces; the first is number 0", faces.size()));
    const std::span all(faces);
    detector.explain(image, wanted < 0 ? all : all.subspan(static_cast<size_t>(wanted), 1), *parser);
    json answer = picture_answer(input, faces);
    answer["times"] = times_between(before, detector.times(), decode_seconds);
    answer["times"]["explain"] = detector.times().explain - before.explain;
    return answer;
  }

  void need_parser() const {
    if (!parser)
      throw Problem(501, "no-parser",
                    "no face parser comes with this server; put parser.safetensors beside its models");
  }

  json masks(const TaskInput& input) {
    need_parser();
    const Image image = decode(input);
    const std::vector<FaceVerdict> faces = detector.run(image);
    if (faces.empty())
      throw Problem(422, "no-face", "no face was found in this picture; take one that shows a face from the front");
    const auto largest = std::max_element(faces.begin(), faces.end(), [](const auto& a, const auto& b) {
      return static_cast<int64_t>(a.crop.width) * a.crop.height < static_cast<int64_t>(b.crop.width) * b.crop.height;
    });
    json entry = draw_mask(crop(image, largest->crop), *parser, painter ? &*painter : nullptr, input.task);
    entry["crop"] = {largest->crop.left, largest->crop.top, largest->crop.width, largest->crop.height};
    return {{"entry", entry}};
  }
};

WorkerTasks::WorkerTasks(const json& settings) : impl_(std::make_unique<Impl>(settings)) {}
WorkerTasks::~WorkerTasks() = default;
const json& WorkerTasks::hello() const { return impl_->hello; }

void WorkerTasks::run(std::span<const TaskInput> inputs, const Answer& answer, const Progress& progress) {
  const auto most_pixels = impl_->settings.at("max_pixels").get<int64_t>();
  std::vector<Image> images;
  std::vector<size_t> items;
  int64_t pixels = 0;
  double decode_seconds = 0;

  auto judge_pictures = [&] {
    if (images.empty()) return;
    std::vector<std::vector<FaceVerdict>> faces;
    const StageTimes before = impl_->detector.times();
    std::exception_ptr failure;
    try {
      faces = impl_->detector.run(images);
    } catch (...) {
      failure = std::current_exception();
    }
    json times = times_between(before, impl_->detector.times(), decode_seconds);
    for (auto& [stage, seconds] : times.items()) seconds = seconds.get<double>() / static_cast<double>(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      json answered;
      std::exception_ptr failed = failure;
      if (!failed) try {
          answered = impl_->picture_answer(inputs[items[i]], faces[i]);
          answered["times"] = times;
        } catch (...) {
          failed = std::current_exception();
        }
      answer(items[i], failed ? nullptr : &answered, failed);
    }
    images.clear(), items.clear();
    pixels = 0, decode_seconds = 0;
  };

  for (size_t i = 0; i < inputs.size(); ++i) {
    json answered;
    try {
      const std::string op = inputs[i].task.at("op").get<std::string>();
      if (op == "picture") {
        {
          const StageClock clock(decode_seconds);
          images.push_back(impl_->decode(inputs[i]));
        }
        items.push_back(i);
        pixels += static_cast<int64_t>(images.back().width) * images.back().height;
        if (pixels > most_pixels) judge_pictures();
        continue;
      }
      if (op == "video") {
        answered = impl_->video(inputs[i], [&](int64_t done, int64_t of) { progress(i, done, of); });
      } else if (op == "embed") {
        answered = impl_->embed(inputs[i]);
      } else if (op == "explain") {
        answered = impl_->explain(inputs[i]);
      } else if (op == "masks") {
        answered = impl_->masks(inputs[i]);
      } else {
        throw InternalError("a worker knows no task '" + op + "'");
      }
    } catch (...) {
      answer(i, nullptr, std::current_exception());
      continue;
    }
    answer(i, &answered, nullptr);
  }
  judge_pictures();
}

}  // namespace fsfm::server
