#include "nn/torchscript_parser.h"

#include <torch/script.h>

#include "base/error.h"
#include "face/parser_output.h"
#include "face/parser_settings.h"
#include "media/preprocess.h"
#include "media/resize.h"

namespace fsfm {
namespace {

// FaRL's: 448 x 448 in 0..1; its own normalisation is inside.
ParserSettings farl_settings() { return {.input_size = 448, .norm = {{0, 0, 0}, {1, 1, 1}}, .layout = ""}; }

class TorchScriptParser : public FaceParser {
 public:
  explicit TorchScriptParser(const std::filesystem::path& file)
      : file_(file), settings_(read_parser_settings(file, farl_settings())) {
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
    const int side = settings_.input_size;
    auto input = torch::empty({1, 3, side, side});
    normalize_to_chw(resize(crop, side, side, Kernel::bilinear), settings_.norm,
                     {input.data_ptr<float>(), static_cast<size_t>(input.numel())});
    torch::Tensor scores;
    try {
      auto result = module_.forward({input});
      if (result.isTuple() && !result.toTupleRef().elements().empty()) result = result.toTupleRef().elements()[0];
      if (result.isTensor()) scores = result.toTensor().to(torch::kCPU, torch::kFloat32).contiguous();
    } catch (const std::exception& error) {
      throw Error(file_.string() + ": the network fails on a " + std::to_string(side) + " px picture (" +
                      first_line(error) + ")",
                  "say its input_size in " + file_.string() + ".json");
    }
    if (!scores.defined() || scores.dim() != 4 || scores.size(0) != 1 || scores.size(1) > 256) {
      throw Error(file_.string() + ": a parser must give class scores [1, classes, height, width]");
    }
    const int classes = static_cast<int>(scores.size(1));
    if (mapping_.size() != static_cast<size_t>(classes)) mapping_ = class_mapping(file_, settings_, classes);
    return map_from_scores({scores.data_ptr<float>(), static_cast<size_t>(scores.numel())}, classes,
                           static_cast<int>(scores.size(3)), static_cast<int>(scores.size(2)), crop.width, crop.height,
                           mapping_);
  }

  std::string name() const override { return file_.stem().string(); }

 private:
  static std::string first_line(const std::exception& error) {
    const std::string text = error.what();
    return text.substr(0, text.find('\n'));
  }

  std::filesystem::path file_;
  ParserSettings settings_;
  std::vector<uint8_t> mapping_;
  torch::jit::Module module_;
};

}  // namespace

std::unique_ptr<FaceParser> make_torchscript_parser(const std::filesystem::path& file) {
  return std::make_unique<TorchScriptParser>(file);
}

}  // namespace fsfm
