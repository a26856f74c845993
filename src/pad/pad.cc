// libfrvt_pad_fsfm: a detector behind NIST's interface for presentation attack detection (docs/library.md).
#include <frvt_pad.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <opencv2/core.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "detect/detect.h"
#include "detect/video_verdict.h"
#include "media/video.h"

namespace {

using FRVT::ReturnCode;
using FRVT::ReturnStatus;
using Properties = std::vector<std::pair<std::string, std::string>>;

constexpr int kFrames = 16;  // of a video, evenly spaced, as `fsfm detect` takes them

// Throws fsfm::Error for what is no picture.
fsfm::Image to_rgb(const FRVT::Image& image) {
  if (!image.data || image.width == 0 || image.height == 0) throw fsfm::Error("an image without pixels");
  if (image.depth != 24 && image.depth != 8)
    throw fsfm::Error("an image of " + std::to_string(image.depth) + " bits a pixel", "8 and 24 are read");
  fsfm::Image rgb(image.width, image.height);
  if (image.depth == 24) {
    std::memcpy(rgb.rgb.data(), image.data.get(), rgb.rgb.size());
  } else {
    for (size_t i = 0; i < rgb.rgb.size(); ++i) rgb.rgb[i] = image.data.get()[i / 3];
  }
  return rgb;
}

// P(attack) on NIST's scale: 0 at the card's threshold, so that the sign is the decision; the order stays.
double to_nist(double score, double threshold) {
  if (score < threshold) return score / threshold - 1;
  return threshold < 1 ? (score - threshold) / (1 - threshold) : 1;
}

// The attack class with the highest probability over the frames that count.
std::string attack_type(const fsfm::VideoVerdict& seen, const fsfm::ModelCard& card) {
  std::string type;
  double highest = -1;
  for (size_t c = 0; c < card.classes.size(); ++c) {
    if (std::find(card.attack_classes.begin(), card.attack_classes.end(), card.classes[c]) == card.attack_classes.end())
      continue;
    double sum = 0;
    for (const auto& frame : seen.frames)
      for (const auto& face : frame.faces)
        if (!fsfm::is_quality_reason(face.reason)) sum += face.per_class[c];
    if (sum > highest) {
      highest = sum;
      type = card.classes[c];
    }
  }
  return type;
}

// Not thread-safe: NIST's programs fork. Holds no threads, so that it may be forked once it is initialised.
class Pad : public FRVT_PAD::Interface {
 public:
  ReturnStatus initialize(const std::string& configDir) override {
    try {
      // All that is needed lies in this one folder, the face detector's weights too, which are looked for by name.
      if (::setenv("FSFM_MODELS_DIR", configDir.c_str(), 1) != 0) return {ReturnCode::MemoryError};
      cv::setNumThreads(1);  // the evaluation grants one core
      const auto model = fsfm::DetectorModel::open(std::filesystem::path(configDir) / "fsfm-detector.safetensors");
      fsfm::DetectOptions options;
      options.threads = 1;
      detector_ = std::make_unique<fsfm::Detector>(model, options);
      return {ReturnCode::Success};
    } catch (const std::bad_alloc&) {
      return {ReturnCode::MemoryError};
    } catch (const std::exception& error) {
      return {ReturnCode::ConfigError, error.what()};
    }
  }

  ReturnStatus detectImpersonationPA(const FRVT::Media& media, bool& isPA, double& score,
                                     Properties& properties) override {
    return judge(media, isPA, score, properties);
  }
  // The network answers whether a face was presented live, whatever for.
  ReturnStatus detectEvasionPA(const FRVT::Media& media, bool& isPA, double& score, Properties& properties) override {
    return judge(media, isPA, score, properties);
  }

 private:
  ReturnStatus judge(const FRVT::Media& media, bool& is_attack, double& score, Properties& properties) {
    is_attack = false;
    score = 0;
    properties.clear();
    if (!detector_) return {ReturnCode::ConfigError, "initialize() was not called, or failed"};
    if (media.data.empty()) return {ReturnCode::NumDataError, "a medium without images"};
    try {
      fsfm::VideoVerdict seen = look(media);
      conclude(seen, detector_->card());
      if (seen.reason == fsfm::Reason::no_face) {
        properties.emplace_back("unable to make PAD determination", "no face detected");
        return {ReturnCode::FaceDetectionError, seen.why};
      }
      const double threshold = fsfm::decision_threshold(detector_->card());
      is_attack = seen.score >= threshold;
      score = to_nist(seen.score, threshold);
      if (seen.verdict == fsfm::VerdictKind::inconclusive)
        properties.emplace_back("unable to make PAD determination", seen.why);
      else if (is_attack)
        properties.emplace_back("presentation attack detected", attack_type(seen, detector_->card()));
      return {ReturnCode::Success};
    } catch (const fsfm::Error& error) {
      return {ReturnCode::ParseError, error.what()};
    } catch (const std::bad_alloc&) {
      return {ReturnCode::MemoryError};
    } catch (const std::exception& error) {
      return {ReturnCode::ExtractError, error.what()};
    }
  }

  // The largest face of each frame looked at: a medium shows one person.
  fsfm::VideoVerdict look(const FRVT::Media& media) {
    const auto area = [](const fsfm::FaceVerdict& v) { return int64_t{v.face.box.width} * v.face.box.height; };
    fsfm::VideoVerdict seen;
    for (const int64_t i : fsfm::linspace_frames(static_cast<int64_t>(media.data.size()), kFrames)) {
      auto faces = detector_->run(to_rgb(media.data[static_cast<size_t>(i)]));
      const auto largest =
          std::max_element(faces.begin(), faces.end(), [&](const auto& a, const auto& b) { return area(a) < area(b); });
      fsfm::FrameVerdict frame{i, media.fps > 0 ? static_cast<double>(i) / media.fps : 0, {}};
      if (largest != faces.end()) frame.faces.push_back(std::move(*largest));
      seen.frames.push_back(std::move(frame));
    }
    return seen;
  }

  std::unique_ptr<fsfm::Detector> detector_;
};

}  // namespace

std::shared_ptr<FRVT_PAD::Interface> FRVT_PAD::Interface::getImplementation() { return std::make_shared<Pad>(); }
