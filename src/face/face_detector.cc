#include "face/face_detector.h"

#include "base/error.h"
#include "base/text.h"
#include "face/face_detectors.h"

namespace fsfm {
namespace {

// "1" in "dlib-hog:1".
int level(const std::string& name, const std::string& argument) {
  if (argument.size() == 1 && argument[0] >= '0' && argument[0] <= '2') return argument[0] - '0';
  throw Error("face detector '" + name + "': '" + argument + "' is no level", "write :0, :1 or :2");
}

}  // namespace

std::string default_face_detector() { return blazeface_available(BlazeFaceModel::back) ? "blazeface" : "dlib-hog"; }

std::unique_ptr<FaceDetector> make_face_detector(const std::string& name, int threads) {
  const std::string full = name.empty() ? default_face_detector() : name;
  const size_t colon = full.find(':');
  const std::string kind = full.substr(0, colon), argument = colon == std::string::npos ? "" : full.substr(colon + 1);
  if (kind == "yunet" || kind == "scrfd" || kind == "ultraface") {
    if (argument.empty()) throw Error("face detector '" + name + "' needs its network", "write " + kind + ":FILE.onnx");
    return kind == "yunet" ? make_yunet(argument) : kind == "scrfd" ? make_scrfd(argument) : make_ultraface(argument);
  }
  const int levels = colon == std::string::npos ? 1 : level(name, argument);
  if (kind == "dlib-hog") return make_dlib_hog(levels);
  if (kind == "blazeface") return make_blazeface(BlazeFaceModel::back, levels, threads);
  if (kind == "blazeface-front") return make_blazeface(BlazeFaceModel::front, levels, threads);
  throw Error("unknown face detector '" + name + "'", "choose one of " + join(face_detector_names(), ", "));
}

std::vector<std::string> face_detector_names() {
  return {"blazeface[:0|1|2]", "blazeface-front[:0|1|2]", "dlib-hog[:0|1|2]", "yunet:FILE",
          "scrfd:FILE",        "ultraface:FILE"};
}

}  // namespace fsfm
