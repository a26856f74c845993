// What another runtime makes of an exported network, beside the engine.
#include "model/onnx_export.h"

#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/dnn.hpp>

#include "base/file.h"
#include "base/rng.h"
#include "engine/vit.h"
#include "metrics/calibration.h"
#include "support/error_text.h"
#include "support/paths.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

struct Kind {
  std::string name, file, prefix;
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class OnnxExport : public testing::TestWithParam<Kind> {};

std::vector<float> outputs_of(cv::dnn::Net& net, const std::string& name) {
  const cv::Mat out = net.forward(name);
  return {out.ptr<float>(), out.ptr<float>() + out.total()};
}

TEST_P(OnnxExport, OpenCvAnswersAsTheEngine) {
  const auto& [name, file_name, prefix] = GetParam();
  const TensorFile file = read_safetensors(test::golden(file_name));
  TensorMap tensors = test::with_prefix(file, prefix);
  std::map<std::string, HostTensor> head;
  if (name == "anti_spoofing") {  // no reference has the whole network with this head
    constexpr int64_t kWidth = 40, kDim = 48;
    Rng rng(1);
    const auto put = [&](const std::string& tensor, Shape shape) {
      std::vector<float> values(static_cast<size_t>(element_count(shape)));
      for (float& value : values) value = static_cast<float>(0.3 * rng.normal());
      head[tensor] = HostTensor::from_floats(std::move(shape), values);
    };
    put("head.bottleneck.weight", {kWidth, kDim});
    put("head.bottleneck.bias", {kWidth});
    put("head.classifier.weight", {2, kWidth});
    put("head.classifier.bias", {2});
    tensors.erase("head.weight");
    tensors.erase("head.bias");
    for (const auto& [tensor, values] : head) tensors.emplace(tensor, values.view());
  }
  ModelCard card;
  card.kind = "detector";
  card.architecture = "vit";
  card.config = {{"num_heads", 3}};
  card.classes = {"fake", "real"};
  card.attack_classes = {"fake"};
  card.temperature = 1.7;
  const test::TempDir dir;
  write_model(dir / "m.safetensors", card, tensors);
  const ModelFile model = ModelFile::open(dir / "m.safetensors");
  VitEngine engine(model, 1);
  const int side = engine.image_size(), batch = 4;
  const std::vector<float> images = file.tensors.at("images").to_float();
  const std::vector<float> expected = engine.logits(images, batch);

  export_onnx(model, dir / "m.onnx", {.for_opencv46 = true});
  cv::dnn::Net net = cv::dnn::readNetFromONNX((dir / "m.onnx").string());
  const size_t values = images.size() / batch;
  for (size_t b = 0; b < batch; ++b) {
    const int shape[] = {1, 3, side, side};
    net.setInput(cv::Mat(4, shape, CV_32F, const_cast<float*>(images.data() + b * values)));
    const std::vector<float> logits = outputs_of(net, "logits"), shares = outputs_of(net, "probabilities");
    ASSERT_EQ(logits.size(), 2u);
    const auto wanted = std::span(expected).subspan(b * 2, 2);
    const auto probabilities = metrics::softmax(wanted, card.temperature);
    for (size_t c = 0; c < 2; ++c) {
      EXPECT_NEAR(logits[c], wanted[c], 1e-4) << b;
      EXPECT_NEAR(shares[c], probabilities[c], 1e-4) << b;
    }
  }
  EXPECT_NE(read_file(dir / "m.onnx").find("\"attack_classes\":[\"fake\"]"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Heads, OnnxExport,
                         testing::Values(Kind{"average", "tiny-vit.safetensors", "avg.weights."},
                                         Kind{"token", "tiny-vit.safetensors", "cls.weights."},
                                         Kind{"adapter", "fs-adapter.safetensors", "weights."},
                                         Kind{"anti_spoofing", "tiny-vit.safetensors", "avg.weights."}),
                         [](const auto& info) { return info.param.name; });

TEST(OnnxExport, WhatIsNoTransformerIsNamed) {
  const test::TempDir dir;
  ModelCard card;
  card.kind = "detector";
  card.architecture = "vit";
  write_model(dir / "m.safetensors", card, {});
  const std::string text =
      test::error_text([&] { export_onnx(ModelFile::open(dir / "m.safetensors"), dir / "m.onnx"); });
  EXPECT_NE(text.find("m.safetensors"), std::string::npos) << text;
  EXPECT_FALSE(path_exists(dir / "m.onnx"));
}

}  // namespace
}  // namespace fsfm
