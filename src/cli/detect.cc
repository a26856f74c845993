// fsfm detect FILE... --model M [--json] [--out PICTURE_OR_DIR] [--report PAGE.html]
#include "detect/detect.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "base/content_kind.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/media_kind.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/camera.h"
#include "cli/commands.h"
#include "cli/default_model.h"
#include "cli/detect_judge.h"
#include "cli/detect_request.h"
#include "cli/detect_scan.h"
#include "cli/failure.h"
#include "cli/output.h"
#include "cli/verdict_output.h"
#include "detect/input_list.h"
#include "detect/verdict_files.h"
#include "detect/verdict_json.h"
#include "face/face_detector.h"
#include "model/import.h"
#include "model/models_dir.h"
#include "report/detect_page.h"

namespace fsfm::cli {
namespace {

using nlohmann::json;

constexpr int kFailOn = 3;  // what --fail-on asks for has happened

std::string plural(size_t n, const std::string& word) { return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s"); }

// Judges all inputs and tells of each as it is done, so that nothing done is lost whatever happens later.
class Run {
 public:
  Run(const DetectRequest& request, const DetectInputs& inputs, std::shared_ptr<const DetectorModel> model,
      std::vector<std::byte> standard_input)
      : request_(request),
        inputs_(inputs.list),
        model_(std::move(model)),
        standard_input_(std::move(standard_input)),
        files_(request.out, inputs.list) {
    std::error_code code;
    lines_ = request.jsonl || request.stdin_list || inputs_.size() != 1 || request.files.size() > 1 ||
             fs::is_directory(request.files.front(), code);
    if (!request.report.empty()) {
      page_.emplace(verdict_header(*model_));
      AtomicFile{request.report};  // a place in which nothing can be written is refused now, not after the work
    }
    if (!request.resume.empty()) {
      std::set<std::string> asked;
      for (const DetectInput& input : inputs_) asked.insert(to_utf8(input.path.string()));
      // What earlier runs found counts in the summary, the report and the exit code as if it were found now.
      resumed_.emplace(request.resume, *model_, [&](const json& entry) {
        if (!asked.contains(entry["file"].get<std::string>())) return;
        tally_.add(entry);
        if (page_) page_->add(entry, overall_verdict(entry), {});
        if (entry.contains("error")) worst_ = kUserError;
      });
      const size_t before = inputs_.size();
      std::vector<DetectInput> rest;
      for (size_t i = 0; i < before; ++i)
        if (!resumed_->has(inputs_[i].path)) {
          rest.push_back(inputs_[i]);
          places_.push_back(i);
        }
      inputs_ = std::move(rest);
      if (before > inputs_.size())
        log::info("{} of {} judged already", plural(before - inputs_.size(), "input"), before);
    }
  }

  int exit_code() {
    const auto start = std::chrono::steady_clock::now();
    if (request_.csv) {
      std::fputs(csv_header().c_str(), stdout);
      flush_output();
    } else if (request_.json && lines_) {
      print_line(to_line(verdict_header(*model_)));
    }
    const StageTimes times = judge_all(model_, request_, inputs_, standard_input_,
                                       [this](size_t i, Judged judged) { tell(i, std::move(judged)); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    finish(times, seconds);
    if (interrupted()) return interrupted_exit_code();
    if (!inputs_.empty() &&
        std::all_of(inputs_.begin(), inputs_.end(), [](const DetectInput& input) { return !input.skipped.empty(); }))
      report({"nothing to judge: all inputs are pictures that fsfm detect drew; name the originals"});
    const bool attack = tally_.any("attack");
    if (worst_ == 0 && (request_.fail_on == "attack" || request_.fail_on == "inconclusive") &&
        (attack || (request_.fail_on == "inconclusive" && tally_.any("inconclusive"))))
      return kFailOn;
    return worst_;
  }

 private:
  void tell(size_t i, Judged judged) {
    for (const auto& warning : judged.warnings) log::warn("{}", warning);
    std::optional<Failure> unwritten;
    if (files_.wanted() && !judged.annotated.empty()) {
      try {
        const fs::path written = files_.write(resumed_ ? places_[i] : i, judged.annotated);
        judged.entry["annotated"] = to_utf8(written.string());
        judged.text += fmt::format("  annotated: {}\n", one_line(written.string()));
      } catch (...) {  // the verdict stands
        unwritten = describe_failure();
        judged.entry["error"] = to_utf8(unwritten->message);
      }
    }
    print(judged);
    tally_.add(judged.entry);
    if (page_) page_->add(judged.entry, overall_verdict(judged.entry), judged.shots);
    if (judged.failure) report(*judged.failure);
    if (unwritten) report(*unwritten);
  }

  void print(const Judged& judged) {
    if (resumed_) resumed_->add(judged.entry);
    if (request_.csv) {
      print_text(csv_rows(judged.entry));
    } else if (!request_.json) {
      if (!resumed_) print_text(judged.text);
    } else if (lines_) {
      print_line(to_line(judged.entry));
    } else {
      json document = verdict_header(*model_);
      document["results"] = json::array({judged.entry});
      print_line(document.dump(2, ' ', false, json::error_handler_t::replace));
    }
  }

  static void print_text(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    flush_output();
  }

  void finish(const StageTimes& times, double seconds) {
    const std::string summary = tally_.summary();
    if (page_ && !interrupted()) {
      page_->page(summary).write(request_.report);
      log::info("wrote {}", request_.report.string());
    }
    const bool several = inputs_.size() > 1 || resumed_;
    if (several && !request_.json && !request_.csv) print_text(fmt::format("{}\n", summary));
    if (several && (request_.json || request_.csv) && resumed_) log::info("{}", summary);
    if (!request_.timings) return;
    const double work = times.decode + times.find + times.judge + times.explain;
    std::fprintf(stderr, "%-28s %9s  %s\n", "stage", "seconds", "share");
    for (const auto& [stage, spent] : {std::pair{"decode, hash", times.decode}, std::pair{"find faces", times.find},
                                       std::pair{"judge", times.judge}, std::pair{"explain", times.explain}})
      std::fprintf(stderr, "%-28s %9.3f  %3.0f %%\n", stage, spent, work > 0 ? 100 * spent / work : 0);
    std::fprintf(stderr, "%-28s %9.3f  (stages overlap; %.2f inputs a second)\n", "by the clock", seconds,
                 seconds > 0 ? static_cast<double>(inputs_.size()) / seconds : 0);
  }

  void report(const Failure& failure) {
    std::fprintf(stderr, "fsfm: %s\n", failure.message.c_str());
    if (worst_ != kOurError) worst_ = failure.exit_code;
  }

  const DetectRequest& request_;
  std::vector<DetectInput> inputs_;
  std::vector<size_t> places_;  // of what is left to judge among all inputs, for a resumed run
  std::shared_ptr<const DetectorModel> model_;
  std::vector<std::byte> standard_input_;
  VerdictFiles files_;
  std::optional<ResumedLines> resumed_;
  std::optional<report::DetectPage> page_;
  Tally tally_;
  bool lines_ = false;
  int worst_ = 0;
};

// All of standard input. Throws Error when it is empty or too large.
std::vector<std::byte> read_standard_input() {
  constexpr size_t kMost = size_t{2} << 30;
  std::vector<std::byte> bytes;
  std::vector<std::byte> part(1 << 20);
  while (const size_t n = std::fread(part.data(), 1, part.size(), stdin)) {
    bytes.insert(bytes.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n));
    if (bytes.size() > kMost) throw Error("standard input holds more than 2 GiB", "name a file instead");
  }
  if (bytes.empty()) throw Error("standard input is empty", "pipe a picture or video into it");
  return bytes;
}

// One name a line, or names that end with NUL (find -print0).
std::vector<fs::path> read_name_list() {
  const std::vector<std::byte> bytes = read_standard_input();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool nul = text.find('\0') != std::string_view::npos;
  std::vector<fs::path> names;
  for (std::string& name : split(text, nul ? '\0' : '\n')) {
    if (!nul && name.ends_with('\r')) name.pop_back();
    if (!name.empty()) names.emplace_back(std::move(name));
  }
  return names;
}

std::optional<DetectRequest> parse(int argc, char** argv) {
  DetectRequest request;
  Options options("detect", "Find all faces of photos and videos and say for each: real, attack or inconclusive");
  options.positional("FILE", request.files,
                     "photos, videos, folders of them, patterns like \"a/*.jpg\", or - for one on standard input");
  options.add("model", request.model,
              "model file made by fsfm finetune or fsfm convert (default: the one that comes with fsfm)");
  options.add("out", request.out, "annotated picture, or a folder for one per input (a contact sheet for a video)")
      .command_line_only();
  options.add("json", request.json, "print JSON instead of text: one document for one FILE, else one object a line")
      .command_line_only();
  options.add("jsonl", request.jsonl, "print JSON, one object a line, for one FILE as well").command_line_only();
  options.add("csv", request.csv, "print a table: a row a face, a video, a person of a video").command_line_only();
  options
      .add("report", request.report,
           "self-contained HTML page: faces with verdict and reason, videos with a timeline to scrub")
      .command_line_only();
  options
      .add("resume", request.resume,
           "JSON Lines file that grows: what has an entry there is not judged again, the rest is added")
      .command_line_only();
  options
      .add("camera", request.camera,
           "judge what a camera sees: its number (0 for /dev/video0) or device, recorded through the program ffmpeg")
      .command_line_only();
  options.add("seconds", request.seconds, "how long to record from the camera").range(0.2, 600);
  options.add("stdin-list", request.stdin_list, "read the names of inputs from standard input, one a line")
      .command_line_only();
  options
      .add("fpr", request.fpr,
           "use the threshold of this false positive rate, by the validation data behind the model's card")
      .range(0, 1);
  options.add("fail-on", request.fail_on, "exit with 3 when a verdict is attack, or attack or inconclusive")
      .choices({"attack", "inconclusive"});
  options.add(
      "explain", request.detect.explain,
      "say where in each face its score comes from (half a second a face on two cores; of a video the worst moments)");
  options.add("check-covered", request.detect.check_covered,
              "also look whether the face is covered, with the face parser (about 20 ms a face)");
  options.add("timings", request.timings, "say on stderr where the time went, stage by stage").command_line_only();
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
      "model's card. Inconclusive means: too small, blurred, turned away, dark, blown out, or too close to the\n"
      "threshold. Several inputs are judged at once, one a core, and told of in their order.\n"
      "Each verdict is printed as it is made. --json and --jsonl follow docs/verdict-json.md. Annotated pictures are\n"
      "called NAME_verdict.png; they overwrite nothing but earlier ones and are not judged themselves.\n"
      "Exit codes: 0 all were judged, 2 some could not be read (the others are judged), 3 what --fail-on names was\n"
      "found, 130 or 143 interrupted (what was done is printed), 1 a fault of fsfm.\n\n"
      "  fsfm detect photo.jpg --out verdict.png\n"
      "  fsfm detect album/ clip.mp4 --model detector.safetensors --json > verdicts.jsonl\n"
      "  fsfm detect clip.mp4 --report clip.html\n"
      "  fsfm detect --camera 0 --report me.html\n"
      "  find photos -name '*.jpg' -print0 | fsfm detect --stdin-list --resume verdicts.jsonl\n");
  if (!options.parse(argc, argv)) return std::nullopt;
  request.json = request.json || request.jsonl;
  request.detect.precision = parse_engine_precision(precision);
  if (request.csv && request.json) throw Error("--csv and --json are two forms of one output", "choose one of them");
  const bool piped = std::find(request.files.begin(), request.files.end(), kStandardInput) != request.files.end();
  if (request.stdin_list && piped) throw Error("--stdin-list and - both read standard input", "choose one of them");
  if (!request.camera.empty() && (piped || request.stdin_list || !request.files.empty()))
    throw Error("--camera is an input of its own", "judge files in another run");
  if (request.camera.empty() && options.given("seconds"))
    throw Error("--seconds is how long to record from a --camera", "name one, or leave it out");
  if (!request.camera.empty()) request.files = {kStandardInput};
  if (request.files.empty() && !request.stdin_list)
    throw Error("no FILE is named",
                "name photos, videos or folders, give a list with --stdin-list, or take a --camera");
  return request;
}

}  // namespace

int run_detect(int argc, char** argv) {
  std::optional<DetectRequest> request = parse(argc, argv);
  if (!request) return 0;
  request->model = model_or_default(request->model);
  if (request->detect.explain && !request->report.empty())
    request->detect.foundation = find_model("fsfm-foundation.safetensors");
  if (request->stdin_list) {
    const std::vector<fs::path> listed = read_name_list();
    request->files.insert(request->files.end(), listed.begin(), listed.end());
  }
  std::vector<std::byte> standard_input;
  if (!request->camera.empty()) {
    standard_input = record_camera(request->camera, request->seconds);
    if (interrupted()) return interrupted_exit_code();
  } else if (std::find(request->files.begin(), request->files.end(), kStandardInput) != request->files.end()) {
    standard_input = read_standard_input();
  }
  DetectInputs inputs = list_inputs(request->files, request->out);
  for (auto& input : inputs.list)
    if (input.path == kStandardInput) {
      if (!request->camera.empty()) input.shown = "camera " + request->camera;
      input.video = content_kind(std::span(standard_input).first(std::min(standard_input.size(), kContentBytes))) ==
                    ContentKind::video;
    }
  request->detect.stop = interrupt_token();
  auto model = DetectorModel::open(request->model, request->fpr);
  if (const std::string doubt = class_order_doubt(model->card()); !doubt.empty())
    log::warn("{}: {}", request->model.string(), doubt);
  if (inputs.repeated > 0) log::warn("{} named more than once: each is judged once", plural(inputs.repeated, "input"));
  if (!inputs.unread.empty())
    log::warn("{} files in forms that cannot be read are left out (first: {} is {})", count_extensions(inputs.unread),
              one_line(inputs.unread[0].string()), unread_reason(inputs.unread[0]));
  return Run(*request, inputs, std::move(model), std::move(standard_input)).exit_code();
}

}  // namespace fsfm::cli
