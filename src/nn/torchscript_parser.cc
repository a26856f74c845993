#include "nn/torchscript_parser.h"

#include <torch/script.h>

#include "base/error.h"
#include "face/parser_output.h"
#include "face/region_map.h"
#include "media/resize.h"

namespace fsfm {
namespace {

constexpr int kInputSize = 448;

class TorchScriptParser : public FaceParser {
 public:
  explicit TorchScriptParser(const std::filesystem::path& file) : file_(file) {
    try {
      module_ = torch::jit::load(file.string(), torch::kCPU);
      module_.eval();
    } catch (const c10::Error& error) {
      throw Error(file.string() + ": not a TorchScript file (" + first_line(error) + ")",
                  "save it with torch.jit.save");
    }
    parse(Image(64, 64));  // refuse a network that is no parser now, not in the middle of the work
  }

  ParsingMap parse(const Image& crop) override {
    if (crop.empty()) throw Error("an empty picture cannot be parsed");
    torch::InferenceMode inference;
    Image input = resize(crop, kInputSize, kInputSize, Kernel::bilinear);
    const auto pixels = torch::from_blob(input.rgb.data(), {1, kInputSize, kInputSize, 3}, torch::kUInt8);
    torch::Tensor scores;
    try {
      auto result = module_.forward({pixels.permute({0, 3, 1, 2}).to(torch::kFloat32).div(255)});
      if (result.isTuple() && !result.toTupleRef().elements().empty()) result = result.toTupleRef().elements()[0];
      if (result.isTensor()) scores = result.toTensor().to(torch::kCPU, torch::kFloat32).contiguous();
    } catch (const std::exception& error) {
      throw Error(file_.string() + ": the network fails on a 448 px picture (" + first_line(error) + ")");
    }
    if (!scores.defined() || scores.dim() != 4 || scores.size(0) != 1 || scores.size(1) != kFaceClasses) {
      throw Error(file_.string() + ": a parser must give class scores [1, 11, height, width]");
    }
    return map_from_scores({scores.data_ptr<float>(), static_cast<size_t>(scores.numel())}, kFaceClasses,
                           static_cast<int>(scores.size(3)), static_cast<int>(scores.size(2)), crop.width, crop.height);
  }

  std::string name() const override { return file_.stem().string(); }

 private:
  static std::string first_line(const std::exception& error) {
    const std::string text = error.what();
    return text.substr(0, text.find('\n'));
  }

  std::filesystem::path file_;
  torch::jit::Module module_;
};

}  // namespace

std::unique_ptr<FaceParser> make_torchscript_parser(const std::filesystem::path& file) {
  return std::make_unique<TorchScriptParser>(file);
}

}  // namespace fsfm
