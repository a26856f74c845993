// Labels every pixel of a face crop with one of the 11 LaPa classes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "media/image.h"

namespace fsfm {

struct ParsingMap {
  int width = 0, height = 0;
  std::vector<uint8_t> classes;  // [height * width], values 0..10 (FaceClass)
};

// Not thread-safe: one parser per thread.
class FaceParser {
 public:
  virtual ~FaceParser() = default;
  // `crop` is a square face crop of any size; the map has the crop's size.
  virtual ParsingMap parse(const Image& crop) = 0;
  virtual std::string name() const = 0;
};

// Makes a parser of a TorchScript file. Builds with libtorch pass make_torchscript_parser (nn/torchscript_parser.h).
using TorchScriptParserFactory = std::function<std::unique_ptr<FaceParser>(const std::filesystem::path&)>;

// "" = the parser shipped in models/ (found beside the program, in FSFM_MODELS_DIR or in the source tree); otherwise a
// file:
//   *.safetensors   a network of train-parser
//   *.onnx          any segmentation network, see face/onnx_parser.h
//   *.pt, *.torchscript   through `torchscript`; without it an Error says that this build cannot run them
// Throws Error when none can be found or the file is no parser.
std::unique_ptr<FaceParser> make_parser(const std::string& name_or_file = "",
                                        const TorchScriptParserFactory& torchscript = {});

// True if the map looks like a face: skin covers >= 5 % and at least one of eyes/nose/mouth is present.
bool plausible_face(const ParsingMap& map);

}  // namespace fsfm
