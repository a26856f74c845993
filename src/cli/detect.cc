// fsfm detect FILE... --model M [--json] [--out PICTURE_OR_DIR]
#include "detect/detect.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/media_kind.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/default_model.h"
#include "cli/failure.h"
#include "cli/output.h"
#include "detect/input_list.h"
#include "detect/verdict_files.h"
#include "detect/verdict_json.h"
#include "face/face_detector.h"
#include "media/codec.h"
#include "media/draw.h"
#include "model/import.h"

namespace fsfm::cli {
namespace {

using nlohmann::json;

struct Request {
  std::vector<fs::path> files;
  fs::path model, out;
  DetectOptions detect;
  int frames = 16;
  bool json = false, jsonl = false;
};

std::string plural(size_t n, const std::string& word) { return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s"); }

// What came of one input, in both forms; nothing of it has been printed.
struct Result {
  json entry;
  std::string text;
};

Result judge_picture(Detector& detector, const fs::path& file, bool draw, Image& annotated) {
  const auto [image, note] = read_picture(file);
  const std::vector<FaceVerdict> faces = detector.run(image);
  std::string text =
      fmt::format("{}: {}\n", one_line(file.string()), faces.empty() ? "no face found" : plural(faces.size(), "face"));
  for (const auto& v : faces) {
    const Rect& box = v.face.box;
    text += fmt::format("  {:<12}  {:.3f}  box {}x{} at {},{}  {}\n", verdict_name(v.verdict), v.score, box.width,
                        box.height, box.left, box.top, v.why);
  }
  if (draw) annotated = annotate(image, faces);
  Result result{verdict_entry(file, faces, detector.card(), input_facts(file)), std::move(text)};
  if (!note.empty()) {
    result.entry["note"] = note;
    result.text += fmt::format("  note: {}\n", note);
  }
  return result;
}

// Nothing when interrupted: a part of the frames is no verdict.
std::optional<Result> judge_video(Detector& detector, const fs::path& file, int frames, bool draw, Image& annotated) {
  const VideoVerdict video = detector.run_video(file, frames, draw);
  if (interrupted()) return std::nullopt;
  for (const auto& note : video.notes) log::warn("{}: {}", one_line(file.string()), note);
  std::string text = fmt::format("{}: video, {} looked at, {} with a face\n", one_line(file.string()),
                                 plural(video.frames.size(), "frame"), video.frames_with_face);
  if (video.frames_judged > 0)
    text += fmt::format("  {:<12}  {:.3f}  {}\n", verdict_name(video.verdict), video.score, video.why);
  else
    text += fmt::format("  {:<12}  {}\n", verdict_name(video.verdict), video.why);
  if (draw && !video.pictures.empty()) {
    std::vector<SheetTile> tiles;
    for (size_t i = 0; i < video.frames.size(); ++i)
      tiles.push_back({video.pictures[i], fmt::format("{:.1f} s", video.frames[i].seconds)});
    annotated =
        contact_sheet(tiles, 4, 320, fmt::format("{}: {}", file.filename().string(), verdict_name(video.verdict)));
  }
  return Result{verdict_entry(file, video, detector.card(), input_facts(file)), std::move(text)};
}

// Judges input after input and prints each as it is done, so that nothing done is lost whatever happens later.
class Run {
 public:
  Run(const Request& request, const DetectInputs& inputs, Detector& detector, VerdictFiles& files)
      : request_(request), inputs_(inputs.list), detector_(detector), files_(files) {
    std::error_code code;
    lines_ = request.jsonl || request.files.size() > 1 || fs::is_directory(request.files.front(), code);
  }

  int exit_code() {
    if (request_.json && lines_) print_line(to_line(verdict_header(detector_.model())));
    for (size_t i = 0; i < inputs_.size() && !interrupted(); ++i) judge(i);
    if (interrupted()) return interrupted_exit_code();
    if (std::all_of(inputs_.begin(), inputs_.end(), [](const DetectInput& input) { return !input.skipped.empty(); }))
      report({"nothing to judge: all inputs are pictures that fsfm detect drew; name the originals"});
    return worst_;
  }

 private:
  void judge(size_t i) {
    const DetectInput& input = inputs_[i];
    if (!input.skipped.empty())
      return print({skipped_entry(input.path, input.skipped),
                    fmt::format("{}: left out, {}\n", one_line(input.path.string()), one_line(input.skipped))});
    if (!input.problem.empty()) return fail(input.path, {one_line(input.problem)});
    std::optional<Result> result;
    Image annotated;
    try {
      if (input.video)
        result = judge_video(detector_, input.path, request_.frames, files_.wanted(), annotated);
      else
        result = judge_picture(detector_, input.path, files_.wanted(), annotated);
    } catch (...) {
      return fail(input.path, describe_failure());
    }
    if (!result) return;
    std::optional<Failure> unwritten;
    if (files_.wanted() && !annotated.empty()) {
      try {
        const fs::path written = files_.write(i, annotated);
        result->entry["annotated"] = to_utf8(written.string());
        result->text += fmt::format("  annotated: {}\n", one_line(written.string()));
      } catch (...) {  // the verdict stands
        unwritten = describe_failure();
        result->entry["error"] = to_utf8(unwritten->message);
      }
    }
    print(*result);
    if (unwritten) report(*unwritten);
  }

  void print(const Result& result) {
    if (!request_.json) {
      std::fwrite(result.text.data(), 1, result.text.size(), stdout);
      flush_output();
    } else if (lines_) {
      print_line(to_line(result.entry));
    } else {
      json document = verdict_header(detector_.model());
      document["results"] = json::array({result.entry});
      print_line(document.dump(2, ' ', false, json::error_handler_t::replace));
    }
  }

  void fail(const fs::path& file, Failure failure) {
    // What is no Error of ours ("out of memory") does not know which file it was about.
    const std::string name = one_line(file.string());
    if (failure.message.find(name) == std::string::npos) failure.message = name + ": " + failure.message;
    print({error_entry(file, failure.message), ""});
    report(failure);
  }

  void report(const Failure& failure) {
    std::fprintf(stderr, "fsfm: %s\n", failure.message.c_str());
    if (worst_ != kOurError) worst_ = failure.exit_code;
  }

  const Request& request_;
  const std::vector<DetectInput>& inputs_;
  Detector& detector_;
  VerdictFiles& files_;
  bool lines_ = false;
  int worst_ = 0;
};

std::optional<Request> parse(int argc, char** argv) {
  Request request;
  Options options("detect", "Find all faces of photos and videos and say for each: real, attack or inconclusive");
  options.positional("FILE", request.files, "photos, videos, or folders of them").required();
  options.add("model", request.model,
              "model file made by fsfm finetune or fsfm convert (default: the one that comes with fsfm)");
  options.add("out", request.out, "annotated picture, or a folder for one per input (a contact sheet for a video)")
      .command_line_only();
  options.add("json", request.json, "print JSON instead of text: one document for one FILE, else one object a line")
      .command_line_only();
  options.add("jsonl", request.jsonl, "print JSON, one object a line, for one FILE as well").command_line_only();
  options
      .add("face-detector", request.detect.face_detector,
           "face detector: " + join(face_detector_names(), ", ") + " (default: the model's own)")
      .also("detector");
  options
      .add("min-face", request.detect.min_face,
           "smaller faces (pixels, shorter side of the box) are inconclusive; 0 = 48")
      .range(0, 10000);
  options.add("frames", request.frames, "frames sampled from a video").range(1, 10000);
  options.add("threads", request.detect.threads, "threads; 0 = all cores").range(0, 1024);
  std::string precision = "auto";
  options.add("precision", precision, "of the products; auto: int8 for a model in int8 where that is fast, else fp32")
      .choices({"auto", "fp32", "bf16", "int8"});
  options.enable_recipe();
  options.footer(
      "A score is always P(attack): the probability that the face is forged or spoofed. The threshold comes from the\n"
      "model's card. Inconclusive means: too small, blurred, turned away, or too close to the threshold.\n"
      "Each verdict is printed as it is made. --json and --jsonl follow docs/verdict-json.md. Annotated pictures are\n"
      "called NAME_verdict.png; they overwrite nothing but earlier ones and are not judged themselves.\n"
      "Exit codes: 0 all were judged, 2 some could not be read (the others are judged), 130 or 143 interrupted (what\n"
      "was done is printed), 1 a fault of fsfm.\n\n"
      "  fsfm detect photo.jpg --out verdict.png\n"
      "  fsfm detect album/ clip.mp4 --model detector.safetensors --json > verdicts.jsonl\n");
  if (!options.parse(argc, argv)) return std::nullopt;
  request.json = request.json || request.jsonl;
  request.detect.precision = parse_engine_precision(precision);
  return request;
}

}  // namespace

int run_detect(int argc, char** argv) {
  std::optional<Request> request = parse(argc, argv);
  if (!request) return 0;
  request->model = model_or_default(request->model);
  const DetectInputs inputs = list_inputs(request->files, request->out);
  request->detect.stop = interrupt_token();
  Detector detector(request->model, request->detect);
  VerdictFiles files(request->out, inputs.list);
  if (const std::string doubt = class_order_doubt(detector.card()); !doubt.empty())
    log::warn("{}: {}", request->model.string(), doubt);
  if (inputs.repeated > 0) log::warn("{} named more than once: each is judged once", plural(inputs.repeated, "input"));
  if (!inputs.unread.empty())
    log::warn("{} files in forms that cannot be read are left out (first: {} is {})", count_extensions(inputs.unread),
              one_line(inputs.unread[0].string()), unread_reason(inputs.unread[0]));
  return Run(*request, inputs, detector, files).exit_code();
}

}  // namespace fsfm::cli
