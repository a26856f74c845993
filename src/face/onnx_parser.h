// Face parsers that users bring as ONNX files.
#pragma once

#include <filesystem>
#include <memory>

#include "face/parser.h"

namespace fsfm {

// Any network [1,3,H,W] -> [1,C,h,w] that OpenCV reads; of several outputs, the one that the file declares first. C =
// 19 is taken for the layout of BiSeNet ("bisenet-19"), C = 11 for "lapa-11". Input: RGB, 512 x 512, ImageNet mean and
// deviation, unless FILE.onnx.json says otherwise (face/parser_settings.h). Throws Error when the file cannot be read
// or its output does not fit.
std::unique_ptr<FaceParser> make_onnx_parser(const std::filesystem::path& file);

}  // namespace fsfm
