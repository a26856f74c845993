// The C library of fsfm.h with owners, exceptions and C++ types. Header only; threads as fsfm.h says.
#pragma once

#include <fsfm/fsfm.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fsfm::api {

class Error : public std::runtime_error {
 public:
  explicit Error(const fsfm_error& error)
      : std::runtime_error(error.text), status_(error.status), os_error_(error.os_error) {}
  fsfm_status status() const { return status_; }
  int os_error() const { return os_error_; }

 private:
  fsfm_status status_;
  int os_error_;
};

namespace detail {
struct Free {
  void operator()(fsfm_model* p) const { fsfm_model_free(p); }
  void operator()(fsfm_detector* p) const { fsfm_detector_free(p); }
  void operator()(fsfm_result* p) const { fsfm_result_free(p); }
};
template <class Handle, class Make>
std::unique_ptr<Handle, Free> made(Make make) {
  Handle* handle = nullptr;
  fsfm_error error{};
  if (make(&handle, &error) != FSFM_OK) throw Error(error);
  return std::unique_ptr<Handle, Free>(handle);
}
}  // namespace detail

// `reason` and `why` live as long as the Result.
using Face = fsfm_face;

class Result {
 public:
  fsfm_verdict verdict() const { return fsfm_result_verdict(handle_.get()); }
  double score() const { return fsfm_result_score(handle_.get()); }  // -1: no face was judged
  std::string_view json() const { return fsfm_result_json(handle_.get()); }
  std::vector<Face> faces() const {
    std::vector<Face> faces(fsfm_result_face_count(handle_.get()));
    for (size_t i = 0; i < faces.size(); ++i) fsfm_result_face(handle_.get(), i, &faces[i], nullptr);
    return faces;
  }

 private:
  friend class Detector;
  explicit Result(std::unique_ptr<fsfm_result, detail::Free> handle) : handle_(std::move(handle)) {}
  std::unique_ptr<fsfm_result, detail::Free> handle_;
};

// Copies share the weights. Thread-safe.
class Model {
 public:
  // "" = the detector that comes with fsfm.
  static Model open(const std::string& path = "", double fpr = 0) {
    return Model(detail::made<fsfm_model>([&](fsfm_model** model, fsfm_error* error) {
      return fsfm_model_open(path.empty() ? nullptr : path.c_str(), fpr, model, error);
    }));
  }
  static Model from_memory(std::span<const std::byte> file, double fpr = 0) {
    return Model(detail::made<fsfm_model>([&](fsfm_model** model, fsfm_error* error) {
      return fsfm_model_from_memory(file.data(), file.size(), fpr, model, error);
    }));
  }
  std::string_view json() const { return fsfm_model_json(handle_.get()); }

 private:
  friend class Detector;
  explicit Model(std::unique_ptr<fsfm_model, detail::Free> handle) : handle_(std::move(handle)) {}
  std::shared_ptr<fsfm_model> handle_;
};

// One a thread.
class Detector {
 public:
  // `options.size` is set here.
  explicit Detector(const Model& model, fsfm_options options = {})
      : handle_(detail::made<fsfm_detector>([&](fsfm_detector** detector, fsfm_error* error) {
          options.size = sizeof(fsfm_options);
          return fsfm_detector_new(model.handle_.get(), &options, detector, error);
        })) {}
  Result file(const std::string& path) {
    return Result(detail::made<fsfm_result>([&](fsfm_result** result, fsfm_error* error) {
      return fsfm_detect_file(handle_.get(), path.c_str(), result, error);
    }));
  }
  Result memory(std::span<const std::byte> bytes, const std::string& name = "") {
    return Result(detail::made<fsfm_result>([&](fsfm_result** result, fsfm_error* error) {
      return fsfm_detect_memory(handle_.get(), bytes.data(), bytes.size(), name.c_str(), result, error);
    }));
  }
  Result pixels(const uint8_t* rgb, int width, int height, size_t stride = 0, const std::string& name = "") {
    return Result(detail::made<fsfm_result>([&](fsfm_result** result, fsfm_error* error) {
      return fsfm_detect_pixels(handle_.get(), rgb, width, height, stride, name.c_str(), result, error);
    }));
  }
  void stop() { fsfm_detector_stop(handle_.get()); }

 private:
  std::unique_ptr<fsfm_detector, detail::Free> handle_;
};

}  // namespace fsfm::api
