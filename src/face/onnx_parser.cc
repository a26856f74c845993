#include "face/onnx_parser.h"

#include <array>

#include <nlohmann/json.hpp>
#include <opencv2/dnn.hpp>

#include "base/error.h"
#include "base/file.h"
#include "face/parser_output.h"
#include "face/parsing_dataset.h"
#include "media/preprocess.h"
#include "media/resize.h"

namespace fsfm {
namespace {

struct OnnxParserSettings {
  int input_size = 512;
  Normalization norm;
  std::string layout;  // "" = by the number of classes
};

OnnxParserSettings read_settings(const fs::path& file) {
  OnnxParserSettings settings;
  if (!fs::exists(file)) return settings;
  try {
    const auto json = nlohmann::json::parse(read_file(file, 1 << 20));
    for (const auto& [key, value] : json.items()) {
      if (key == "input_size") settings.input_size = value.get<int>();
      else if (key == "mean") settings.norm.mean = value.get<std::array<float, 3>>();
      else if (key == "std") settings.norm.std = value.get<std::array<float, 3>>();
      else if (key == "layout") settings.layout = value.get<std::string>();
      else throw Error(file.string() + ": unknown key \"" + key + "\"", "known are input_size, mean, std and layout");
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(file.string() + ": " + error.what());
  }
  if (settings.input_size < 16 || settings.input_size > 4096) throw Error(file.string() + ": input_size must lie between 16 and 4096");
  for (const float s : settings.norm.std) {
    if (!(s > 0)) throw Error(file.string() + ": std must be positive");
  }
  return settings;
}

class OnnxParser : public FaceParser {
 public:
  explicit OnnxParser(const fs::path& file) : file_(file), settings_(read_settings(file.string() + ".json")) {
    try {
      net_ = cv::dnn::readNetFromONNX(file.string());
    } catch (const cv::Exception& error) {
      throw Error(file.string() + ": OpenCV cannot read this network (" + error.err + ")", "export it with a fixed input size and opset 11");
    }
    parse(Image(64, 64));  // so that a file that is no parser is refused here and not in the middle of the work
  }

  ParsingMap parse(const Image& crop) override {
    if (crop.empty()) throw Error("an empty picture cannot be parsed");
    const int size = settings_.input_size;
    cv::Mat blob({1, 3, size, size}, CV_32F);
    normalize_to_chw(resize(crop, size, size, Kernel::bilinear), settings_.norm, {blob.ptr<float>(), blob.total()});
    cv::Mat scores;
    try {
      net_.setInput(blob);
      scores = net_.forward();
    } catch (const cv::Exception& error) {
      throw Error(file_.string() + ": the network fails on a " + std::to_string(size) + " px input (" + error.err + ")",
                  "say its input_size in " + file_.string() + ".json");
    }
    if (scores.dims != 4 || scores.size[0] != 1 || scores.type() != CV_32F || scores.size[1] > 256) {
      throw Error(file_.string() + ": a parser must give class scores [1, classes, height, width]");
    }
    const int classes = scores.size[1];
    if (mapping_.size() != static_cast<size_t>(classes)) mapping_ = mapping_for(classes);
    return map_from_scores({scores.ptr<float>(), scores.total()}, classes, scores.size[3], scores.size[2], crop.width, crop.height, mapping_);
  }

  std::string name() const override { return file_.stem().string(); }

 private:
  std::vector<uint8_t> mapping_for(int classes) const {
    std::string layout = settings_.layout;
    if (layout.empty() && classes == 19) layout = "bisenet-19";
    if (layout.empty() && classes == 11) layout = "lapa-11";
    const std::string json = file_.string() + ".json";
    if (layout.empty()) throw Error(file_.string() + ": " + std::to_string(classes) + " classes of unknown meaning", "say the layout in " + json);
    auto mapping = label_mapping(layout);
    if (mapping.size() != static_cast<size_t>(classes)) {
      throw Error(file_.string() + ": " + std::to_string(classes) + " classes do not fit the layout " + layout, "correct the layout in " + json);
    }
    return mapping;
  }

  fs::path file_;
  OnnxParserSettings settings_;
  cv::dnn::Net net_;
  std::vector<uint8_t> mapping_;
};

}  // namespace

std::unique_ptr<FaceParser> make_onnx_parser(const fs::path& file) { return std::make_unique<OnnxParser>(file); }

}  // namespace fsfm
