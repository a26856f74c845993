#include "face/onnx_parser.h"

#include <algorithm>
#include <opencv2/dnn.hpp>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "face/parser_output.h"
#include "face/parser_settings.h"
#include "media/preprocess.h"
#include "media/resize.h"

namespace fsfm {
namespace {

// Takes a number of seven bits a byte off the front of `bytes`; nullopt when there is none.
std::optional<uint64_t> take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 10); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    value |= static_cast<uint64_t>(byte & 127) << (7 * i);
    if (byte >= 128) continue;
    bytes.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

// The content of the first field `wanted` of a protocol buffers message; "" when it has none.
std::string_view first_field(std::string_view message, uint64_t wanted) {
  while (const auto tag = take_varint(message)) {
    constexpr int kVarint = 0, kEightBytes = 1, kLength = 2, kFourBytes = 5;
    const int kind = *tag & 7;
    std::optional<uint64_t> length = kind == kEightBytes ? 8 : kind == kFourBytes ? 4 : 0;
    if (kind == kVarint && !take_varint(message)) break;
    if (kind == kLength) length = take_varint(message);
    if (!length || *length > message.size()) break;
    if (kind == kLength && *tag >> 3 == wanted) return message.substr(0, *length);
    message.remove_prefix(*length);
  }
  return {};
}

// The output that an ONNX file declares first: ModelProto.graph, GraphProto.output, ValueInfoProto.name. OpenCV lists
// outputs by the alphabet and runs to the last of its layers; of a network trained with auxiliary heads the first
// counts.
std::string first_output(const fs::path& file) {
  const MappedFile mapped(file);
  const std::string_view model(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
  return std::string(first_field(first_field(first_field(model, 7), 12), 1));
}

class OnnxParser : public FaceParser {
 public:
  explicit OnnxParser(const fs::path& file) : file_(file), settings_(read_parser_settings(file, {})) {
    try {
      net_ = cv::dnn::readNetFromONNX(file.string());
      const auto outputs = net_.getUnconnectedOutLayersNames();
      output_ = first_output(file);
      if (std::find(outputs.begin(), outputs.end(), output_) == outputs.end())
        output_ = outputs.empty() ? "" : outputs.front();
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
    return map_from_scores({scores.ptr<float>(), scores.total()}, classes, scores.size[3], scores.size[2], crop.width, crop.height, mapping_);
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
