// include/fsfm/fsfm.h over detect/: handles, and exceptions turned into numbers.
#include "fsfm/fsfm.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <opencv2/core.hpp>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <vector>

#include "base/content_kind.h"
#include "base/error.h"
#include "base/media_kind.h"
#include "detect/detect.h"
#include "detect/picture_verdict.h"
#include "detect/verdict_json.h"
#include "media/codec.h"
#include "model/models_dir.h"

namespace {

// What a model's handles and its detectors share.
struct Loaded {
  std::vector<std::byte> bytes;  // of a model from memory; the tensors point into it
  std::shared_ptr<const fsfm::DetectorModel> model;
  std::string json;
};

}  // namespace

struct fsfm_model {
  std::shared_ptr<const Loaded> loaded;
};

struct fsfm_detector {
  std::shared_ptr<const Loaded> loaded;  // goes last
  std::stop_source stop;
  int frames;
  fsfm::Detector detector;
};

struct fsfm_result {
  fsfm_verdict verdict = FSFM_INCONCLUSIVE;
  double score = -1;
  struct Face {
    fsfm_face face;
    std::string why;
  };
  std::vector<Face> faces;
  std::string json;
};

namespace {

using fsfm::Error;
using fsfm::ErrorCode;

fsfm_status fill(fsfm_error* error, fsfm_status status, const std::string& text, int os_error = 0) noexcept {
  if (error) {
    error->status = status;
    error->os_error = os_error;
    size_t size = std::min(text.size(), sizeof error->text - 1);
    while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    std::memcpy(error->text, text.data(), size);
    error->text[size] = '\0';
    for (char* c = error->text; *c; ++c)
      if (*c == '\n' || *c == '\r') *c = ' ';
  }
  return status;
}

// Runs `action`; whatever it throws becomes a status.
template <class Action>
fsfm_status guarded(fsfm_error* error, Action&& action) noexcept {
  try {
    try {
      action();
      return fill(error, FSFM_OK, "");
    } catch (const Error& e) {
      return fill(error, static_cast<fsfm_status>(e.code()), e.what(), e.os_error());
    } catch (const cv::Exception& e) {
      return e.code == cv::Error::StsNoMem ? fill(error, FSFM_NO_MEMORY, "out of memory")
                                           : fill(error, FSFM_INTERNAL, "OpenCV: " + e.err);
    } catch (const std::system_error& e) {
      return fill(error, FSFM_IO, e.what(), e.code().value());
    } catch (const std::bad_alloc&) {
      return fill(error, FSFM_NO_MEMORY, "out of memory");
    } catch (const std::exception& e) {
      return fill(error, FSFM_INTERNAL, e.what());
    }
  } catch (...) {  // also when there is no memory for the words above
    return fill(error, FSFM_INTERNAL, {});
  }
}

template <class T>
void require(const T* pointer, const char* what) {
  if (!pointer) throw Error(std::string(what) + " is NULL");
}

fsfm_verdict to_c(fsfm::VerdictKind verdict) {
  return verdict == fsfm::VerdictKind::real     ? FSFM_REAL
         : verdict == fsfm::VerdictKind::attack ? FSFM_ATTACK
                                                : FSFM_INCONCLUSIVE;
}

// The options as they are in this version: what the caller's shorter structure lacks is 0.
fsfm_options known(const fsfm_options* options) {
  fsfm_options all{};
  if (!options) return all;
  if (options->size == 0) throw Error("fsfm_options.size is 0", "set it to sizeof(fsfm_options)");
  std::memcpy(&all, options, std::min(options->size, sizeof all));
  const auto* bytes = reinterpret_cast<const unsigned char*>(options);
  if (options->size > sizeof all &&
      std::any_of(bytes + sizeof all, bytes + options->size, [](auto b) { return b != 0; }))
    throw Error(ErrorCode::unsupported, "fsfm_options has fields set that this version of the library does not know",
                "compare fsfm_version() with the header's");
  if (all.threads < 0 || all.threads > 4096) throw Error("fsfm_options.threads must be in 0 to 4096");
  if (all.frames < 0 || all.frames > 1'000'000) throw Error("fsfm_options.frames must be in 0 to 1000000");
  if (!(all.min_face >= 0 && all.min_face <= 10000)) throw Error("fsfm_options.min_face must be in 0 to 10000");
  return all;
}

void add_faces(fsfm_result& result, const std::vector<fsfm::FaceVerdict>& faces, double seconds) {
  for (const auto& v : faces) {
    const fsfm::Rect& box = v.face.box;
    result.faces.push_back({{box.left, box.top, box.width, box.height, v.score, to_c(v.verdict),
                             fsfm::reason_name(v.reason), nullptr, v.person, seconds},
                            v.why});
  }
}

void picture_result(fsfm_result& result, fsfm::Detector& detector, const fsfm::Image& image,
                    const std::filesystem::path& name, const fsfm::InputFacts& facts, const std::string& note) {
  const auto faces = detector.run(image);
  add_faces(result, faces, 0);
  if (const auto whole = fsfm::picture_verdict(faces)) {
    result.verdict = to_c(whole->verdict);
    result.score = whole->score;
  }
  auto entry = fsfm::verdict_entry(name, faces, detector.card(), facts);
  if (facts.sha256.empty()) entry.erase("sha256");  // bare pixels are no file
  if (!note.empty()) entry["note"] = note;
  result.json = fsfm::to_line(entry);
}

void video_result(fsfm_result& result, fsfm_detector& handle, fsfm::VideoReader& reader,
                  const std::filesystem::path& name, const fsfm::InputFacts& facts) {
  const fsfm::VideoVerdict video = handle.detector.run_video(reader, handle.frames);
  for (const auto& frame : video.frames) add_faces(result, frame.faces, frame.seconds);
  result.verdict = to_c(video.verdict);
  if (video.frames_judged > 0) result.score = video.score;
  result.json = fsfm::to_line(fsfm::verdict_entry(name, video, handle.detector.card(), facts));
}

// Checks what every detect function is handed, runs `judge` and hands out its result.
template <class Judge>
fsfm_status detect(fsfm_detector* detector, fsfm_result** out, fsfm_error* error, Judge&& judge) noexcept {
  if (out) *out = nullptr;
  fsfm_status status = guarded(error, [&] {
    require(detector, "detector");
    require(out, "result");
    auto result = std::make_unique<fsfm_result>();
    judge(*result);
    for (auto& each : result->faces) each.face.why = each.why.c_str();
    *out = result.release();
  });
  if (detector && detector->stop.stop_requested()) {
    if (out) fsfm_result_free(*out), *out = nullptr;
    status = fill(error, FSFM_INTERRUPTED, "interrupted by fsfm_detector_stop");
  }
  return status;
}

template <class Open>
fsfm_status make_model(fsfm_model** out, fsfm_error* error, Open&& open) noexcept {
  if (out) *out = nullptr;
  return guarded(error, [&] {
    require(out, "model");
    auto loaded = std::make_shared<Loaded>();
    open(*loaded);
    loaded->json = fsfm::to_line(fsfm::verdict_header(*loaded->model));
    *out = new fsfm_model{std::move(loaded)};
  });
}

}  // namespace

const char* fsfm_version() { return FSFM_VERSION; }
int fsfm_abi_version() { return FSFM_ABI_VERSION; }

const char* fsfm_status_text(fsfm_status status) {
  switch (status) {
    case FSFM_OK:
      return "ok";
    case FSFM_INVALID:
      return "invalid";
    case FSFM_NOT_FOUND:
      return "not found";
    case FSFM_IO:
      return "refused by the operating system";
    case FSFM_DAMAGED:
      return "damaged";
    case FSFM_UNSUPPORTED:
      return "unsupported";
    case FSFM_TOO_LARGE:
      return "too large";
    case FSFM_INTERRUPTED:
      return "interrupted";
    case FSFM_NO_MEMORY:
      return "out of memory";
    case FSFM_INTERNAL:
      return "internal error";
  }
  return "unknown status";
}

const char* fsfm_verdict_text(fsfm_verdict verdict) {
  return verdict == FSFM_REAL ? "real" : verdict == FSFM_ATTACK ? "attack" : "inconclusive";
}

fsfm_status fsfm_model_open(const char* path, double fpr, fsfm_model** model, fsfm_error* error) {
  return make_model(model, error, [&](Loaded& loaded) {
    std::filesystem::path file = path ? path : fsfm::find_default_detector();
    if (file.empty())
      throw Error(ErrorCode::not_found, "no fsfm-detector.safetensors comes with this library",
                  "name a model, or set FSFM_MODELS_DIR to the folder that holds one");
    loaded.model = fsfm::DetectorModel::open(file, fpr);
  });
}

fsfm_status fsfm_model_from_memory(const void* bytes, size_t size, double fpr, fsfm_model** model, fsfm_error* error) {
  return make_model(model, error, [&](Loaded& loaded) {
    require(bytes, "bytes");
    const auto* first = static_cast<const std::byte*>(bytes);
    loaded.bytes.assign(first, first + size);
    loaded.model = fsfm::DetectorModel::of(fsfm::ModelFile::from_bytes(loaded.bytes, "model in memory"), fpr);
  });
}

const char* fsfm_model_json(const fsfm_model* model) { return model ? model->loaded->json.c_str() : "{}"; }
void fsfm_model_free(fsfm_model* model) { delete model; }

fsfm_status fsfm_detector_new(const fsfm_model* model, const fsfm_options* options, fsfm_detector** detector,
                              fsfm_error* error) {
  if (detector) *detector = nullptr;
  return guarded(error, [&] {
    require(model, "model");
    require(detector, "detector");
    const fsfm_options wanted = known(options);
    std::stop_source stop;
    fsfm::DetectOptions detect;
    detect.threads = wanted.threads;
    detect.min_face = wanted.min_face;
    detect.check_covered = wanted.check_covered != 0;
    detect.explain = wanted.explain != 0;
    detect.stop = stop.get_token();
    if (wanted.precision) detect.precision = fsfm::parse_engine_precision(wanted.precision);
    if (wanted.face_detector) detect.face_detector = wanted.face_detector;
    constexpr int kFrames = 16;
    *detector = new fsfm_detector{model->loaded, stop, wanted.frames > 0 ? wanted.frames : kFrames,
                                  fsfm::Detector(model->loaded->model, detect)};
  });
}

void fsfm_detector_stop(fsfm_detector* detector) {
  if (detector) detector->stop.request_stop();
}
void fsfm_detector_free(fsfm_detector* detector) { delete detector; }

fsfm_status fsfm_detect_file(fsfm_detector* detector, const char* path, fsfm_result** result, fsfm_error* error) {
  return detect(detector, result, error, [&](fsfm_result& made) {
    require(path, "path");
    const std::filesystem::path file = path;
    const fsfm::InputFacts facts = fsfm::input_facts(file);
    if (fsfm::media_kind(file) == fsfm::MediaKind::video) {
      fsfm::VideoReader reader(file, {.stop = detector->stop.get_token()});
      video_result(made, *detector, reader, file, facts);
    } else {
      const fsfm::Picture picture = fsfm::read_picture(file);
      picture_result(made, detector->detector, picture.image, file, facts, picture.note);
    }
  });
}

fsfm_status fsfm_detect_memory(fsfm_detector* detector, const void* bytes, size_t size, const char* name,
                               fsfm_result** result, fsfm_error* error) {
  return detect(detector, result, error, [&](fsfm_result& made) {
    require(bytes, "bytes");
    const std::span<const std::byte> file(static_cast<const std::byte*>(bytes), size);
    const std::string called = name && *name ? name : "input in memory";
    const fsfm::InputFacts facts = fsfm::input_facts(file);
    if (fsfm::content_kind(file.first(std::min(size, fsfm::kContentBytes))) == fsfm::ContentKind::video) {
      fsfm::VideoReader reader(file, called, {.stop = detector->stop.get_token()});
      video_result(made, *detector, reader, called, facts);
    } else {
      const fsfm::Picture picture = fsfm::decode_picture(file, called);
      picture_result(made, detector->detector, picture.image, called, facts, picture.note);
    }
  });
}

fsfm_status fsfm_detect_pixels(fsfm_detector* detector, const uint8_t* rgb, int width, int height, size_t stride,
                               const char* name, fsfm_result** result, fsfm_error* error) {
  return detect(detector, result, error, [&](fsfm_result& made) {
    require(rgb, "rgb");
    constexpr int kMostSide = 65'500;
    if (width < 1 || height < 1 || width > kMostSide || height > kMostSide ||
        static_cast<int64_t>(width) * height > fsfm::DecodeLimits{}.max_pixels)
      throw Error(ErrorCode::too_large,
                  "a picture of " + std::to_string(width) + " x " + std::to_string(height) + " pixels is not judged",
                  "sides are 1 to 65500, pixels at most 100 million");
    const size_t row = static_cast<size_t>(width) * 3;
    if (stride == 0) stride = row;
    if (stride < row) throw Error("stride is smaller than a row of 3 * width bytes");
    fsfm::Image image(width, height);
    for (int y = 0; y < height; ++y) std::memcpy(image.row(y), rgb + static_cast<size_t>(y) * stride, row);
    fsfm::InputFacts facts = fsfm::input_facts(std::span<const std::byte>());
    facts.sha256.clear();
    picture_result(made, detector->detector, image, name && *name ? name : "pixels in memory", facts, "");
  });
}

fsfm_verdict fsfm_result_verdict(const fsfm_result* result) { return result ? result->verdict : FSFM_INCONCLUSIVE; }
double fsfm_result_score(const fsfm_result* result) { return result ? result->score : -1; }
size_t fsfm_result_face_count(const fsfm_result* result) { return result ? result->faces.size() : 0; }

fsfm_status fsfm_result_face(const fsfm_result* result, size_t index, fsfm_face* face, fsfm_error* error) {
  return guarded(error, [&] {
    require(result, "result");
    require(face, "face");
    if (index >= result->faces.size())
      throw Error("face " + std::to_string(index) + " of " + std::to_string(result->faces.size()) + " does not exist");
    *face = result->faces[index].face;
  });
}

const char* fsfm_result_json(const fsfm_result* result) { return result ? result->json.c_str() : "{}"; }
void fsfm_result_free(fsfm_result* result) { delete result; }
