// The face-segmentation network: libtorch and the engine agree, and it can be taught.
#include "nn/parse_net.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "engine/conv_net.h"
#include "face/parser.h"
#include "face/region_map.h"
#include "model/model_file.h"
#include "nn/torchscript_parser.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::TempDir;

// A network whose batch-norm statistics are not the initial ones, so that folding has something to fold.
ParseNet trained_looking_net(const ParseNetConfig& config) {
  torch::manual_seed(7);
  ParseNet net(config);
  torch::NoGradGuard no_grad;
  for (auto& item : net->named_buffers()) {
    if (item.key().ends_with("running_mean")) item.value().normal_(0, 0.1);
    if (item.key().ends_with("running_var")) item.value().uniform_(0.5, 1.5);
  }
  for (auto& item : net->named_parameters()) {
    if (item.key().find("bn.") != std::string::npos) item.value().uniform_(0.3, 1.2);
  }
  net->eval();
  return net;
}

void write_net(const fs::path& file, const ParseNet& net, const std::string& kind = "parser") {
  const auto weights = net->folded_weights();
  TensorMap tensors;
  for (const auto& [name, value] : weights) {
    tensors[name] = {
        DType::f32, value.sizes().vec(), {static_cast<const std::byte*>(value.data_ptr()), value.nbytes()}};
  }
  ModelCard card;
  card.kind = kind;
  card.architecture = "parsenet";
  card.config = net->config.to_json();
  write_model(file, card, tensors);
}

TEST(ParseNet, EngineEqualsLibtorch) {
  const TempDir dir;
  for (const int size : {64, 224}) {
    ParseNetConfig config;
    config.img_size = size;
    if (size == 64)
      config.widths = {5, 12, 24, 40, 17}, config.decoder = {7, 13, 20, 33}, config.blocks = {1, 0, 2, 1, 0};
    const auto net = trained_looking_net(config);
    write_net(dir / "net.safetensors", net);
    ConvNet engine(ModelFile::open(dir / "net.safetensors"));
    const auto image = torch::randn({1, size, size, 3});
    torch::NoGradGuard no_grad;
    auto copy = net;
    const auto expected = copy(image.permute({0, 3, 1, 2}).contiguous());
    for (int run = 0; run < 2; ++run) {  // twice: buffers are reused
      const auto logits = engine.logits({image.data_ptr<float>(), static_cast<size_t>(image.numel())});
      const auto actual = torch::from_blob(const_cast<float*>(logits.data()), expected.sizes());
      EXPECT_LT((actual - expected).abs().max().item<double>(),
                1e-3 * std::max(1.0, expected.abs().max().item<double>()));
      EXPECT_GT((actual.argmax(1) == expected.argmax(1)).to(torch::kFloat32).mean().item<double>(), 0.9999);
    }
  }
}

TEST(ParseNet, ShapesAreCheckedAgainstTheCard) {
  const TempDir dir;
  ParseNetConfig config;
  config.img_size = 64;
  ParseNet net(config);
  write_net(dir / "net.safetensors", net);
  EXPECT_NO_THROW(make_parser((dir / "net.safetensors").string()));
  net->config.widths[2] = 65;  // the card now promises other shapes than the file holds
  write_net(dir / "net.safetensors", net);
  EXPECT_THROW(make_parser((dir / "net.safetensors").string()), Error);
  net->config.widths[2] = 64;
  write_net(dir / "net.safetensors", net, "detector");
  EXPECT_THROW(make_parser((dir / "net.safetensors").string()), Error);
}

TEST(ParseNet, ParserGivesAMapOfTheCropsSize) {
  const TempDir dir;
  ParseNetConfig config;
  config.img_size = 64;
  write_net(dir / "net.safetensors", trained_looking_net(config));
  const auto parser = make_parser((dir / "net.safetensors").string());
  const auto map = parser->parse(Image(97, 131, 90));
  EXPECT_EQ(map.width, 97);
  EXPECT_EQ(map.height, 131);
  EXPECT_EQ(map.classes.size(), 97u * 131u);
}

TEST(TorchScriptParser, RunsAScriptedNetworkAndRefusesOthers) {
  const TempDir dir;
  // Class 3 where the picture is bright, class 1 elsewhere, as the first of a tuple.
  torch::jit::Module good("Good");
  good.define(R"(
    def forward(self, x):
      s = torch.zeros([1, 11, 112, 112])
      s[:, 1] = 0.5
      s[:, 3] = torch.avg_pool2d(x[:, 0:1], 4)[:, 0]
      return s, x
  )");
  good.save((dir / "good.pt").string());
  Image half(100, 60);
  for (int y = 0; y < 60; ++y) std::fill_n(half.row(y), 50 * 3, uint8_t{255});
  EXPECT_THROW(make_parser((dir / "good.pt").string()), Error);  // no factory: a build without libtorch
  const auto map = make_parser((dir / "good.pt").string(), make_torchscript_parser)->parse(half);
  EXPECT_EQ(map.classes[30 * 100 + 20], 3);
  EXPECT_EQ(map.classes[30 * 100 + 80], 1);

  // Nineteen classes in BiSeNet's order, another size of input: class 17 is hair.
  torch::jit::Module nineteen("Nineteen");
  nineteen.define(R"(
    def forward(self, x):
      s = torch.zeros([1, 19, 32, 32])
      s[:, 1] = 0.5
      s[:, 17] = torch.avg_pool2d(x[:, 0:1], x.size(2) // 32)[:, 0]
      return s
  )");
  nineteen.save((dir / "nineteen.pt").string());
  write_file_atomic(dir / "nineteen.pt.json", R"({"input_size": 64})");
  const auto hair = make_torchscript_parser(dir / "nineteen.pt")->parse(half);
  EXPECT_EQ(hair.classes[30 * 100 + 20], kHair);
  EXPECT_EQ(hair.classes[30 * 100 + 80], kSkin);
  write_file_atomic(dir / "nineteen.pt.json", R"({"layout": "lapa-11"})");
  EXPECT_THROW(make_torchscript_parser(dir / "nineteen.pt"), Error);
  torch::jit::Module bad("Bad");
  bad.define("def forward(self, x):\n  return x\n");
  bad.save((dir / "bad.pt").string());
  EXPECT_THROW(make_torchscript_parser(dir / "bad.pt"), Error);
  EXPECT_THROW(make_torchscript_parser(dir / "missing.pt"), Error);
}

}  // namespace
}  // namespace fsfm
