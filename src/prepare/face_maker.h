// From one input to its prepared faces: decode, detect, crop, parse, encode.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/store/sample_writer.h"
#include "face/face_detector.h"
#include "face/parser.h"
#include "face/tracks.h"
#include "prepare/layouts/layout.h"

namespace fsfm {

struct FaceMakerOptions {
  std::filesystem::path root;  // record.source is relative to it
  int size = 224;              // side of the stored picture; 0 = the crop's own
  int jpeg_quality = 95;       // 0 = PNG
  double crop_scale = 1.3;
  bool all_faces = false;      // every face of a picture or frame, not only the best
  int min_face = 32;           // pixels, shorter side of the box; smaller faces are left out
  int frames = 32;             // of a video, unless its entry says
  int every = 0;               // > 0: every K-th frame of a video instead
  bool keep_unparsed = false;  // keep faces whose parsing fails, without a map
};

// How inputs and faces end. "kept" or the reason why not.
namespace outcome {
inline constexpr const char *kKept = "kept", *kUnreadable = "unreadable", *kNoFace = "no face",
                            *kTooSmall = "too small", *kParseFailed = "parse failed", *kDuplicate = "duplicate",
                            *kEmpty = "no frames", *kLeftOut = "left out";
// Of an input that was not to be had today (gone, no permission) or that a library failed at: tried again by the next
// run.
inline constexpr const char* kNotDone = "not done";
}  // namespace outcome

// Seconds of one thread and pictures that went through each stage.
struct PrepareTimes {
  enum Stage { decode, detect, parse, encode, kStages };
  static constexpr std::array<const char*, kStages> kNames = {"decode", "detect", "parse", "encode"};
  std::array<double, kStages> seconds{};
  std::array<uint64_t, kStages> items{};
  void add(const PrepareTimes& other);
};

struct InputResult {
  std::string outcome;                     // of the input as a whole
  std::string why;                         // the error's text, when there was one
  std::string note;                        // what to know of an input that was read: "animated: ..."
  std::map<std::string, uint64_t> frames;  // a video's frames by outcome
  uint64_t unparsed = 0;                   // faces kept without a map
  std::string content;                     // first 16 hex digits of the file's SHA-256; "" when it could not be read
  std::vector<PreparedFace> faces;
};

// An input's name in records and journal, in UTF-8: its path below the root (a folder or a list in one), or in full.
std::string name_below(const std::filesystem::path& path, const std::filesystem::path& root);

// Not thread-safe: one a thread. `face_detector` null: inputs are ready crops. `parser` null: no class maps.
class FaceMaker {
 public:
  FaceMaker(const FaceMakerOptions& options, std::unique_ptr<FaceDetector> face_detector,
            std::unique_ptr<FaceParser> parser);
  // A bad input is no exception: its outcome says so. Throws Error for the machine's troubles (no memory, no file
  // handles, a disk that fails), which say nothing about the input: the run stops and can go on later.
  InputResult make(const PrepareEntry& entry);
  const PrepareTimes& times() const { return times_; }

 private:
  // The picture and, when it came from a file of its own, that file's bytes.
  struct Source {
    const Image& image;
    std::span<const std::byte> file;
    std::string key;
    int64_t frame;
    FaceTracker* tracker = nullptr;  // of a video: who is who
  };
  void make_picture(const PrepareEntry& entry, InputResult& result);
  void make_video(const PrepareEntry& entry, InputResult& result);
  // Appends the faces of one picture and returns its outcome.
  std::string make_faces(const PrepareEntry& entry, const Source& source, InputResult& result);
  std::vector<Face> find_faces(const Image& image);
  bool make_face(const Image& crop, bool is_whole, const Source& source, FaceRecord record, InputResult& result);

  FaceMakerOptions options_;
  std::unique_ptr<FaceDetector> face_detector_;
  std::unique_ptr<FaceParser> parser_;
  PrepareTimes times_;
};

}  // namespace fsfm
