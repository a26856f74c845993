// fsfm detect FILE... --model M [--json] [--out PICTURE_OR_DIR]
#include "detect/detect.h"

#include <spdlog/fmt/fmt.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/models_dir.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "face/detector.h"
#include "media/codec.h"
#include "media/draw.h"

namespace fsfm::cli {
namespace {

using nlohmann::json;

constexpr const char* kDefaultModel = "detector.safetensors";

struct Request {
  std::vector<fs::path> files;
  fs::path model, out;
  DetectOptions detect;
  int frames = 16;
  bool json = false;
};

std::string plural(size_t n, const std::string& word) { return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s"); }

// Folders stand for the pictures and videos below them.
std::vector<fs::path> expand(const std::vector<fs::path>& named) {
  std::vector<fs::path> files;
  for (const auto& path : named) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    size_t unread = 0;
    const auto found = list_files(path, [&](const fs::path& file) {
      unread += is_unsupported_image_path(file);
      return is_image_path(file) || is_video_path(file);
    });
    if (unread > 0)
      log::warn("{}: {} pictures in forms that cannot be read (HEIC, AVIF, GIF, ...) are left out: convert them to JPEG",
                path.string(), unread);
    if (found.empty())
      throw Error(path.string() + " holds no pictures or videos", "name a folder with some, or the files themselves");
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

// Where the annotated picture of each input goes; never over an input.
class Outputs {
 public:
  Outputs(const fs::path& out, const std::vector<fs::path>& inputs) : out_(out) {
    if (out.empty()) return;
    single_ = is_image_path(out) && !fs::is_directory(out);
    if (single_ && inputs.size() != 1)
      throw Error("--out " + out.string() + " is one picture, but there are several inputs", "name a folder");
    std::error_code code;
    if (!single_ && !fs::create_directories(out, code) && !fs::is_directory(out))
      throw Error("cannot make the folder " + out.string() + (code ? ": " + code.message() : ""),
                  "choose another --out");
    for (const auto& input : inputs)
      if (fs::exists(out) && fs::equivalent(out, input, code))
        throw Error("--out " + out.string() + " would overwrite its input", "choose another name");
  }
  bool wanted() const { return !out_.empty(); }
  fs::path path_for(const fs::path& input) {
    if (single_) return out_;
    std::string name = input.stem().string() + "_verdict";
    if (const int repeats = used_[name]++; repeats > 0) name += fmt::format("_{}", repeats + 1);
    return out_ / (name + (is_video_path(input) ? ".jpg" : ".png"));
  }

 private:
  fs::path out_;
  bool single_ = false;
  std::map<std::string, int> used_;
};

json to_json(const FaceVerdict& v, const ModelCard& card) {
  json per_class = json::object();
  for (size_t c = 0; c < v.per_class.size(); ++c) per_class[card.classes[c]] = v.per_class[c];
  const Rect& box = v.face.box;
  return {{"box", {box.left, box.top, box.width, box.height}},
          {"crop", {v.crop.left, v.crop.top, v.crop.width, v.crop.height}},
          {"detector_score", v.face.score},
          {"sharpness", v.face.blur},
          {"yaw", v.face.yaw},
          {"score", v.score},
          {"per_class", per_class},
          {"verdict", verdict_name(v.verdict)},
          {"why", v.why}};
}

json to_json(const std::vector<FaceVerdict>& faces, const ModelCard& card) {
  json list = json::array();
  for (const auto& face : faces) list.push_back(to_json(face, card));
  return list;
}

void print_faces(const std::vector<FaceVerdict>& faces, const char* indent) {
  for (const auto& v : faces) {
    const Rect& box = v.face.box;
    std::printf("%s%-12s  %.3f  box %dx%d at %d,%d  %s\n", indent, verdict_name(v.verdict), v.score, box.width,
                box.height, box.left, box.top, v.why.c_str());
  }
}

json run_picture(Detector& detector, const fs::path& file, const Request& request, Outputs& outputs) {
  const Image image = read_image(file);
  const std::vector<FaceVerdict> faces = detector.run(image);
  json result = {{"file", file.string()}, {"kind", "picture"}, {"faces", to_json(faces, detector.card())}};
  fs::path written;
  if (outputs.wanted()) {
    written = outputs.path_for(file);
    write_image(written, annotate(image, faces));
    result["annotated"] = written.string();
  }
  if (!request.json) {
    std::printf("%s: %s\n", file.c_str(), faces.empty() ? "no face found" : plural(faces.size(), "face").c_str());
    print_faces(faces, "  ");
    if (!written.empty()) std::printf("  annotated: %s\n", written.c_str());
  }
  return result;
}

// Null when interrupted: a part of the frames is no verdict.
json run_video(Detector& detector, const fs::path& file, const Request& request, Outputs& outputs) {
  const VideoVerdict video = detector.run_video(file, request.frames, outputs.wanted());
  if (interrupted()) return {};
  json frames = json::array();
  for (const auto& frame : video.frames)
    frames.push_back(
        {{"index", frame.index}, {"seconds", frame.seconds}, {"faces", to_json(frame.faces, detector.card())}});
  json result = {{"file", file.string()},
                 {"kind", "video"},
                 {"verdict", verdict_name(video.verdict)},
                 {"why", video.why},
                 {"score", video.frames_judged > 0 ? json(video.score) : json()},
                 {"frames_judged", video.frames_judged},
                 {"frames_skipped", video.frames_skipped},
                 {"frames", frames}};
  fs::path written;
  if (outputs.wanted() && !video.pictures.empty()) {
    std::vector<SheetTile> tiles;
    for (size_t i = 0; i < video.frames.size(); ++i)
      tiles.push_back({video.pictures[i], fmt::format("{:.1f} s", video.frames[i].seconds)});
    written = outputs.path_for(file);
    write_image(written, contact_sheet(tiles, 4, 320,
                                       fmt::format("{}: {}", file.filename().string(), verdict_name(video.verdict))));
    result["annotated"] = written.string();
  }
  if (!request.json) {
    std::printf("%s: video, %s looked at\n", file.c_str(), plural(video.frames.size(), "frame").c_str());
    if (video.frames_judged > 0)
      std::printf("  %-12s  %.3f  %s\n", verdict_name(video.verdict), video.score, video.why.c_str());
    else
      std::printf("  %-12s  %s\n", verdict_name(video.verdict), video.why.c_str());
    if (!written.empty()) std::printf("  annotated: %s\n", written.c_str());
  }
  return result;
}

std::optional<Request> parse(int argc, char** argv) {
  Request request;
  Options options("detect", "Find all faces of photos and videos and say for each: real, attack or inconclusive");
  options.positional("FILE", request.files, "photos, videos, or folders of them").required();
  options.add("model", request.model,
              "model file made by fsfm finetune or fsfm convert (default: the one shipped, if any)");
  options.add("out", request.out, "annotated picture, or a folder for one per input (a contact sheet for a video)")
      .command_line_only();
  options.add("json", request.json, "print JSON instead of text").command_line_only();
  options.add("detector", request.detect.detector,
              "face detector: " + join(detector_names(), ", ") + " (default: the model's own)");
  options.add("min-face", request.detect.min_face, "smaller faces (pixels) are inconclusive; 0 = 48").range(0, 10000);
  options.add("frames", request.frames, "frames sampled from a video").range(1, 10000);
  options.add("threads", request.detect.threads, "threads; 0 = all cores").range(0, 1024);
  options.enable_recipe();
  options.footer(
      "A score is always P(attack): the probability that the face is forged or spoofed. The threshold comes from the\n"
      "model's card. Inconclusive means: too small, blurred, turned away, or too close to the threshold.\n"
      "Exit code 2 when a file could not be read; the other files are still judged.\n\n"
      "  fsfm detect photo.jpg --model detector.safetensors --out verdict.png\n"
      "  fsfm detect album/ clip.mp4 --model detector.safetensors --json > verdicts.json\n");
  if (!options.parse(argc, argv)) return std::nullopt;
  return request;
}

}  // namespace

int run_detect(int argc, char** argv) {
  std::optional<Request> request = parse(argc, argv);
  if (!request) return 0;
  if (request->model.empty()) request->model = find_model(kDefaultModel);
  if (request->model.empty())
    throw Error("fsfm detect needs a model", "name one with --model; fsfm finetune and fsfm convert make them");
  const std::vector<fs::path> files = expand(request->files);
  Detector detector(request->model, request->detect);
  Outputs outputs(request->out, files);

  json results = json::array();
  bool failed = false;
  for (const auto& file : files) {
    if (interrupted()) break;
    try {
      results.push_back(is_video_path(file) ? run_video(detector, file, *request, outputs)
                                            : run_picture(detector, file, *request, outputs));
    } catch (const Error& error) {
      failed = true;
      results.push_back({{"file", file.string()}, {"error", error.what()}});
      std::fflush(stdout);
      std::fprintf(stderr, "fsfm: %s\n", error.what());
    }
  }
  if (interrupted()) return interrupted_exit("the files so far were judged, the others were not");
  if (request->json) {
    const ModelCard& card = detector.card();
    const json document = {{"model", request->model.string()},
                           {"name", card.name},
                           {"classes", card.classes},
                           {"attack_classes", card.attack_classes},
                           {"threshold", decision_threshold(card)},
                           {"results", results}};
    std::printf("%s\n", document.dump(2, ' ', false, json::error_handler_t::replace).c_str());
  }
  return failed ? 2 : 0;
}

}  // namespace fsfm::cli
