#include "face/onnx_parser.h"

#include <algorithm>
#include <opencv2/dnn.hpp>

#include "base/error.h"
#include "base/file.h"
#include "face/parser_output.h"
#include "face/parser_settings.h"
#include "media/preprocess.h"
#include "media/resize.h"
#include "tensorio/onnx_file.h"

namespace fsfm {
namespace {

class OnnxParser : public FaceParser {
 public:
  explicit OnnxParser(const fs::path& file) : file_(file), settings_(read_parser_settings(file, {})) {
    try {
      net_ = cv::dnn::readNetFromONNX(file.string());
      const auto outputs = net_.getUnconnectedOutLayersNames();
      output_ = onnx_first_output(file);
      if (std::find(outputs.begin(), outputs.end(), output_) == outputs.end())
        output_ = outputs.empty() ? "" : outputs.front();
    } catch (const cv::Exception& error) {
      throw Error(file.string() + ": OpenCV cannot read this network (" + error.err + ")",
                  "export it with a fixed input size and opset 11");
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
      scores = net_.forward(output_);
    } catch (const cv::Exception& error) {
      throw Error(file_.string() + ": the network fails on a " + std::to_string(size) + " px input (" + error.err + ")",
                  "say its input_size in " + file_.string() + ".json");
    }
    if (scores.dims != 4 || scores.size[0] != 1 || scores.type() != CV_32F || scores.size[1] > 256) {
      throw Error(file_.string() + ": a parser must give class scores [1, classes, height, width]");
    }
    const int classes = scores.size[1];
    if (mapping_.size() != static_cast<size_t>(classes)) mapping_ = class_mapping(file_, settings_, classes);
    return map_from_scores({scores.ptr<float>(), scores.total()}, classes, scores.size[3], scores.size[2], crop.width,
                           crop.height, mapping_);
  }

  std::string name() const override { return file_.stem().string(); }

 private:
  fs::path file_;
  ParserSettings settings_;
  cv::dnn::Net net_;
  std::string output_;
  std::vector<uint8_t> mapping_;
};

}  // namespace

std::unique_ptr<FaceParser> make_onnx_parser(const fs::path& file) { return std::make_unique<OnnxParser>(file); }

}  // namespace fsfm
