// The types of NIST's face evaluations that FATE PAD speaks in (frvt_structs.h 3.0), declared anew from their published
// description: names, order and types are NIST's, for its programs are compiled against them. Those for irises and
// templates, which PAD does not use, are left out. A submission is built with NIST's own file: FSFM_FRVT_INCLUDE_DIR.
#ifndef FRVT_STRUCTS_H_
#define FRVT_STRUCTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace FRVT {

struct Image {
  enum class ImageDescription {
    FaceUnknown = 0,
    FaceIso = 1,
    FaceMugshot = 2,
    FacePhotojournalism = 3,
    FaceWild = 4,
    IrisUnknown = 5,
    IrisNIR = 6,
    IrisWild = 7
  };
  enum class Illuminant { Unspecified = 0, Visible = 1, NIR = 2, SWIR = 3, MWIR = 4, LWIR = 5 };
  enum class IrisLR { Unspecified = 0, RightIris = 1, LeftIris = 2 };

  uint16_t width = 0, height = 0;  // pixels
  uint8_t depth = 24;              // bits a pixel: 24 (RGBRGB...) or 8 (grey)
  std::shared_ptr<uint8_t> data;   // [height * width * depth / 8]
  ImageDescription description = ImageDescription::FaceUnknown;
  Illuminant illuminant = Illuminant::Unspecified;
  IrisLR irisLR = IrisLR::Unspecified;

  Image() = default;
  Image(uint16_t w, uint16_t h, uint8_t bits, std::shared_ptr<uint8_t>& pixels, ImageDescription what, Illuminant light,
        IrisLR side = IrisLR::Unspecified)
      : width(w), height(h), depth(bits), data(pixels), description(what), illuminant(light), irisLR(side) {}
  size_t size() const { return static_cast<size_t>(width) * height * (depth / 8); }  // bytes
};

// Still pictures, or the frames of a video in order, of one person.
struct Media {
  enum class Label { Image = 0, Video = 1 };

  Label type = Label::Image;
  std::vector<FRVT::Image> data;
  uint8_t fps = 0;  // of a video

  Media() = default;
  Media(Label kind, const std::vector<FRVT::Image>& pictures, uint8_t rate) : type(kind), data(pictures), fps(rate) {}
};

enum class ReturnCode {
  Success = 0,
  UnknownError = 1,
  ConfigError = 2,
  RefuseInput = 3,
  ExtractError = 4,
  ParseError = 5,
  TemplateCreationError = 6,
  VerifTemplateError = 7,
  FaceDetectionError = 8,
  NumDataError = 9,
  TemplateFormatError = 10,
  EnrollDirError = 11,
  InputLocationError = 12,
  MemoryError = 13,
  MatchError = 14,
  QualityAssessmentError = 15,
  NotImplemented = 16,
  VendorError = 17
};

struct ReturnStatus {
  ReturnCode code = ReturnCode::UnknownError;
  std::string info;

  ReturnStatus() = default;
  ReturnStatus(ReturnCode status, const std::string& text = "") : code(status), info(text) {}
};

// NIST's programs read these from the library; whoever only calls it defines the macro.
#ifdef NIST_EXTERN_FRVT_STRUCTS_VERSION
extern uint16_t FRVT_STRUCTS_MAJOR_VERSION, FRVT_STRUCTS_MINOR_VERSION;
#else
uint16_t FRVT_STRUCTS_MAJOR_VERSION{3};
uint16_t FRVT_STRUCTS_MINOR_VERSION{0};
#endif

}  // namespace FRVT

#endif  // FRVT_STRUCTS_H_
