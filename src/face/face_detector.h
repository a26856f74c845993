// Finds faces.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "face/face.h"

namespace fsfm {

// Not thread-safe: one detector per thread (make_face_detector costs 0.3-0.6 s for HOG; make it once).
class FaceDetector {
 public:
  virtual ~FaceDetector() = default;
  // All faces, best score first.
  virtual std::vector<Face> detect(const Image& image) = 0;
  virtual std::string name() const = 0;
};

// "" = default_face_detector(). "dlib-hog" (upsample 1, the published rule), "dlib-hog:0", "dlib-hog:2"; "blazeface"
// (tiles of one finer scale besides the whole picture), "blazeface:0" (no tiles), "blazeface:2"; "blazeface-front" for
// near faces; "yunet:FILE", "scrfd:FILE" and "ultraface:FILE", ONNX networks the user brings. Throws Error for an
// unknown name, listing the known. `threads`: how many a picture's search may use where it can (BlazeFace; 0 = all
// cores).
std::unique_ptr<FaceDetector> make_face_detector(const std::string& name = "", int threads = 0);
// "blazeface" when its weights are found, else "dlib-hog".
std::string default_face_detector();
// The names make_face_detector knows, for --help.
std::vector<std::string> face_detector_names();

}  // namespace fsfm
