#include "face/parser.h"

#include <array>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/conv_net.h"
#include "face/onnx_parser.h"
#include "face/parser_output.h"
#include "face/region_map.h"
#include "media/preprocess.h"
#include "media/resize.h"
#include "model/models_dir.h"

namespace fsfm {
namespace {

constexpr const char* kShippedParser = "parser.safetensors";

// The network of train-parser.
class NetworkParser : public FaceParser {
 public:
  explicit NetworkParser(const fs::path& file) : NetworkParser(file, open_parser(file)) {}

  ParsingMap parse(const Image& crop) override {
    if (crop.empty()) throw Error("an empty picture cannot be parsed");
    const int size = net_.config().img_size;
    const Image input = crop.width == size && crop.height == size ? crop : resize(crop, size, size, Kernel::bilinear);
    for (size_t i = 0; i < pixels_.size(); i += 3) {
      for (int c = 0; c < 3; ++c) pixels_[i + c] = table_[c][input.rgb[i + c]];
    }
    return map_from_scores(net_.logits(pixels_), kFaceClasses, net_.logits_size(), net_.logits_size(), crop.width,
                           crop.height);
  }

  std::string name() const override { return name_; }

 private:
  NetworkParser(const fs::path& file, const ModelFile& model) : name_(file.stem().string()), net_(model) {
    if (net_.config().num_classes != kFaceClasses)
      throw Error(file.string() + ": a parser must have the 11 LaPa classes");
    const auto& card = model.card();
    for (int c = 0; c < 3; ++c) {
      for (int v = 0; v < 256; ++v) table_[c][v] = (v / 255.0f - card.mean[c]) / card.std[c];
    }
    pixels_.resize(size_t{3} * net_.config().img_size * net_.config().img_size);
  }

  static ModelFile open_parser(const fs::path& file) {
    auto model = ModelFile::open(file);
    if (model.card().kind != "parser" || model.card().architecture != "parsenet") {
      throw Error(file.string() + ": its card says \"" + model.card().kind + "\", not a face parser",
                  "make one with train-parser");
    }
    return model;
  }

  std::string name_;
  ConvNet net_;
  std::array<std::array<float, 256>, 3> table_;  // byte -> normalised value, per channel
  std::vector<float> pixels_;                    // [S, S, 3]
};

}  // namespace

std::unique_ptr<FaceParser> make_parser(const std::string& name_or_file, const TorchScriptParserFactory& torchscript) {
  const fs::path file = name_or_file.empty() ? require_model(kShippedParser) : fs::path(name_or_file);
  if (!is_plain_file(file))
    throw Error(file.string() + ": no such parser file", "leave the option out to use the shipped parser");
  const std::string kind = to_lower(file.extension().string());
  if (kind == ".onnx") return make_onnx_parser(file);
  if (kind == ".pt" || kind == ".torchscript") {
    if (torchscript) return torchscript(file);
    throw Error(file.string() + ": TorchScript parsers need a build with libtorch",
                "configure with -DFSFM_TRAIN=ON, or convert the parser to ONNX");
  }
  if (kind == ".safetensors") return std::make_unique<NetworkParser>(file);
  throw Error(file.string() + ": not a parser file", "use .safetensors, .onnx or .pt");
}

bool plausible_face(const ParsingMap& map) {
  std::array<size_t, kFaceClasses> pixels{};
  for (const uint8_t c : map.classes) {
    if (c < kFaceClasses) ++pixels[c];
  }
  const size_t features = pixels[kRightEye] + pixels[kLeftEye] + pixels[kNose] + pixels[kUpperLip] +
                          pixels[kInnerMouth] + pixels[kLowerLip];
  return pixels[kSkin] * 20 >= map.classes.size() && features > 0;
}

}  // namespace fsfm
