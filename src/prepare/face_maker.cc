#include "prepare/face_maker.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <system_error>

#include "base/content_kind.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "data/naming.h"
#include "media/codec.h"
#include "media/jpeg_quality.h"
#include "media/resize.h"
#include "media/video.h"

namespace fsfm {
namespace {

// Adds the time of a scope to one stage.
class PrepareClock {
 public:
  PrepareClock(PrepareTimes& times, PrepareTimes::Stage stage)
      : times_(times), stage_(stage), begin_(std::chrono::steady_clock::now()) {}
  ~PrepareClock() {
    times_.seconds[stage_] += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    ++times_.items[stage_];
  }
  PrepareClock(const PrepareClock&) = delete;
  PrepareClock& operator=(const PrepareClock&) = delete;

 private:
  PrepareTimes& times_;
  PrepareTimes::Stage stage_;
  std::chrono::steady_clock::time_point begin_;
};

bool begins_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin(), [](char c, std::byte b) {
           return static_cast<unsigned char>(c) == std::to_integer<unsigned char>(b);
         });
}

// "jpg" or "png" when the file may be stored as it is, else "".
std::string storable_extension(std::span<const std::byte> file) {
  if (begins_with(file, "\xFF\xD8\xFF")) return "jpg";
  if (begins_with(file, "\x89PNG")) return "png";
  return "";
}

constexpr const char* kGoOn = "what was done is kept: run the same command again to go on";

// Troubles of this file alone; others (EMFILE, ENOSPC, EIO, ESTALE, ...) would meet the next file as well.
bool is_of_one_file(int code) {
  return code == ENOENT || code == EACCES || code == EPERM || code == ENOTDIR || code == EISDIR || code == ELOOP ||
         code == ENAMETOOLONG;
}

// Decoders with files of their own do not say that the machine has no handle left. The errno of opening; 0: it opens.
int opening_fails(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

}  // namespace

std::string name_below(const fs::path& path, const fs::path& root) {
  std::error_code ignored;
  const fs::path relative = path.lexically_relative(fs::is_directory(root, ignored) ? root : root.parent_path());
  return to_utf8(relative.empty() || *relative.begin() == ".." ? path.string() : relative.generic_string());
}

void PrepareTimes::add(const PrepareTimes& other) {
  for (size_t s = 0; s < kStages; ++s) {
    seconds[s] += other.seconds[s];
    items[s] += other.items[s];
  }
}

FaceMaker::FaceMaker(const FaceMakerOptions& options, std::unique_ptr<FaceDetector> face_detector,
                     std::unique_ptr<FaceParser> parser)
    : options_(options), face_detector_(std::move(face_detector)), parser_(std::move(parser)) {}

InputResult FaceMaker::make(const PrepareEntry& entry) {
  InputResult result;
  const auto failed = [&](const char* how, const std::string& why) {
    result.faces.clear();
    result.frames.clear();
    result.unparsed = 0;
    result.outcome = how;
    result.why = why;
  };
  if (!entry.left_out.empty()) {
    failed(outcome::kLeftOut, entry.left_out);
    return result;
  }
  try {
    // Lists go by names; what the file is its content tells.
    const ContentKind content = content_kind_of_file(entry.path).value_or(ContentKind::unknown);
    const bool named_video = entry.kind == PrepareEntry::Kind::video;
    if (content == ContentKind::video || (named_video && !is_readable_picture(content)))
      make_video(entry, result);
    else
      make_picture(entry, result);
  } catch (const InternalError&) {
    throw;
  } catch (const Error& error) {
    const int code = error.os_error() != 0 ? error.os_error() : opening_fails(entry.path);
    if (code == 0)
      failed(outcome::kUnreadable, error.what());  // a decoder's word about the file
    else if (is_of_one_file(code))
      failed(outcome::kNotDone, error.what());
    else
      throw Error(std::string(error.what()) + " (at " + entry.path.string() + ")", kGoOn, code);
  } catch (const std::bad_alloc&) {
    throw Error("out of memory at " + entry.path.string(), std::string("use fewer --threads; ") + kGoOn, ENOMEM);
  } catch (const std::system_error& error) {
    throw Error(entry.path.string() + ": " + error.what(), kGoOn, error.code().value());
  } catch (const std::exception& error) {  // a library's refusal: the other inputs go on
    failed(outcome::kNotDone, error.what());
  }
  return result;
}

void FaceMaker::make_picture(const PrepareEntry& entry, InputResult& result) {
  const MappedFile file(entry.path);
  result.content = sha256(file.bytes()).substr(0, 16);
  Image image;
  {
    PrepareClock clock(times_, PrepareTimes::decode);
    Picture picture = decode_picture(file.bytes(), entry.path.string());
    image = std::move(picture.image);
    result.note = std::move(picture.note);
  }
  result.outcome = make_faces(entry, {image, file.bytes(), entry.key, entry.frame}, result);
}

void FaceMaker::make_video(const PrepareEntry& entry, InputResult& result) {
  result.content = sha256_file(entry.path).substr(0, 16);
  std::optional<VideoReader> video;
  {
    PrepareClock clock(times_, PrepareTimes::decode);  // counting frames means reading the file
    constexpr int kDecoderThreads = 2;                 // there is a FaceMaker a core already
    video.emplace(entry.path, VideoOptions{.threads = kDecoderThreads});
  }
  VideoReader& reader = *video;
  const auto wanted = options_.every > 0
                          ? every_kth_frame(reader.frame_count(), options_.every)
                          : linspace_frames(reader.frame_count(), entry.frames > 0 ? entry.frames : options_.frames);
  for (const auto& note : reader.notes()) {
    log::warn("{}: {}", entry.path.string(), note);
    result.note += (result.note.empty() ? "" : "; ") + note;
  }
  FaceTracker tracker;
  for (;;) {
    std::optional<VideoReader::Frame> frame;
    {
      PrepareClock clock(times_, PrepareTimes::decode);
      frame = reader.next(wanted);
    }
    if (!frame) break;
    ++result.frames[make_faces(entry, {frame->image, {}, entry.key, frame->index, &tracker}, result)];
  }
  uint64_t seen = 0;
  for (const auto& [name, n] : result.frames) seen += n;
  // Frames that the film has and the decoder could not give whole are accounted for too.
  if (seen < wanted.size()) result.frames[outcome::kUnreadable] += wanted.size() - seen;
  if (wanted.empty()) {
    result.outcome = outcome::kEmpty;
  } else if (!result.faces.empty()) {
    result.outcome = outcome::kKept;
  } else {
    result.outcome = std::max_element(result.frames.begin(), result.frames.end(), [](auto& a, auto& b) {
                       return a.second < b.second;
                     })->first;
  }
}

std::vector<Face> FaceMaker::find_faces(const Image& image) {
  PrepareClock clock(times_, PrepareTimes::detect);
  return face_detector_->detect(image);
}

std::string FaceMaker::make_faces(const PrepareEntry& entry, const Source& source, InputResult& result) {
  const bool of_video = source.tracker != nullptr;
  const std::string frame_suffix = of_video ? "_frame_" + std::to_string(source.frame) : "";
  FaceRecord record;
  record.key = source.key + frame_suffix;
  record.class_name = entry.class_name;
  record.split = entry.split;
  record.video = entry.class_name + "/" + entry.video;
  record.frame = source.frame;
  record.source = name_below(entry.path, options_.root);
  record.source_width = source.image.width;
  record.source_height = source.image.height;
  record.source_jpeg_quality = estimate_jpeg_quality(source.file);
  if (!face_detector_)
    return make_face(source.image, true, source, std::move(record), result) ? outcome::kKept : outcome::kParseFailed;

  std::vector<Face> faces = find_faces(source.image);
  if (faces.empty()) return outcome::kNoFace;
  const auto is_small = [&](const Face& face) { return std::min(face.box.width, face.box.height) < options_.min_face; };
  if (!options_.all_faces && is_small(faces.front())) return outcome::kTooSmall;
  std::erase_if(faces, is_small);
  std::vector<int> persons(faces.size(), 0);
  if (of_video) persons = source.tracker->add(source.image, faces);
  if (!options_.all_faces) faces.resize(1);

  std::string worst = outcome::kTooSmall;
  bool kept = false;
  for (size_t i = 0; i < faces.size(); ++i) {
    const Face& face = faces[i];
    const Rect rect = crop_rect(face.box, source.image.width, source.image.height, options_.crop_scale);
    if (rect.width < 1 || rect.height < 1) continue;
    FaceRecord own = record;
    if (of_video) own.person = persons[i] + 1;
    if (of_video && options_.all_faces) {
      own.key = person_name(source.key, own.person) + frame_suffix;
      own.video = person_name(own.video, own.person);
    } else if (i > 0) {
      own.key += "_face_" + std::to_string(i);
    }
    own.box = face.box;
    own.score = face.score;
    own.face_detector = face_detector_->name();
    if (make_face(crop(source.image, rect), false, source, std::move(own), result))
      kept = true;
    else
      worst = outcome::kParseFailed;
  }
  return kept ? outcome::kKept : worst;
}

bool FaceMaker::make_face(const Image& crop, bool is_whole, const Source& source, FaceRecord record,
                          InputResult& result) {
  const bool resized = options_.size > 0 && (crop.width != options_.size || crop.height != options_.size);
  PreparedFace face;
  const Image at_size = resized ? resize(crop, options_.size, options_.size) : Image();
  const Image& stored = resized ? at_size : crop;
  const bool is_network_size = stored.width == kParsingSide && stored.height == kParsingSide;
  const Image at_network = is_network_size ? Image() : resize(stored, kParsingSide, kParsingSide);
  const Image& network = is_network_size ? stored : at_network;
  if (parser_) {
    PrepareClock clock(times_, PrepareTimes::parse);
    ParsingMap map = parser_->parse(network);
    if (plausible_face(map)) {
      record.regions = make_region_map(map.classes, map.width, map.height);
      record.parser = parser_->name();
      face.parsing = std::move(map.classes);
    } else if (options_.keep_unparsed) {
      ++result.unparsed;
    } else {
      return false;
    }
  }
  PrepareClock clock(times_, PrepareTimes::encode);
  record.sums.add(network);
  // A ready crop is stored byte for byte: another generation of compression would hide what a detector must see.
  face.extension = is_whole && !resized ? storable_extension(source.file) : "";
  if (!face.extension.empty()) {
    face.picture.assign(source.file.begin(), source.file.end());
  } else {
    face.extension = options_.jpeg_quality > 0 ? "jpg" : "png";
    face.picture = options_.jpeg_quality > 0 ? encode_jpeg(stored, options_.jpeg_quality) : encode_png(stored, 4);
  }
  face.record = std::move(record);
  result.faces.push_back(std::move(face));
  return true;
}

}  // namespace fsfm
