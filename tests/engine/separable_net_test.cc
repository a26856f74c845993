#include "engine/separable_net.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "face/onnx_net.h"
#include "model/models_dir.h"
#include "model/onnx_graph.h"
#include "support/error_text.h"
#include "support/on_every_target.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

std::vector<float> drawn(Rng& rng, size_t count, double most = 1) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(rng.uniform(-most, most));
  return values;
}

// Largest difference of our outputs from OpenCV's, which may stand in another order: each has a size of its own.
double difference(const std::vector<std::span<const float>>& ours, const std::vector<OnnxNet::Output>& theirs) {
  if (ours.size() != theirs.size()) return INFINITY;
  double most = 0;
  for (const auto& output : ours) {
    const auto other = std::find_if(theirs.begin(), theirs.end(),
                                    [&](const auto& candidate) { return candidate.values.size() == output.size(); });
    if (other == theirs.end()) return INFINITY;
    for (size_t i = 0; i < output.size(); ++i)
      most = std::max(most, std::fabs(static_cast<double>(output[i]) - other->values[i]));
  }
  return most;
}

void expect_equal_to_opencv(const std::filesystem::path& file, int side) {
  const SeparableNet net(file, side);
  OnnxNet opencv(file);
  Rng rng(5);
  const auto workspace = net.make_workspace();
  for (int i = 0; i < 2; ++i) {  // again with the same memory: nothing stays of the first
    const std::vector<float> picture = drawn(rng, static_cast<size_t>(side) * side * 3);
    const auto expected = opencv.run(picture, {1, side, side, 3});
    EXPECT_LT(difference(net.run(picture, *workspace), expected), 2e-4) << file;
  }
}

TEST(SeparableNet, TheShippedBlazeFaceEqualsOpenCV) {
  expect_equal_to_opencv(require_model("blazeface-back-256.onnx"), 256);
}

TEST(SeparableNet, TheOtherBlazeFaceEqualsOpenCV) {
  const auto file = find_model("blazeface-front-128.onnx");
  if (file.empty()) GTEST_SKIP() << "make assets fetches it";
  expect_equal_to_opencv(file, 128);
}

// A network of that kind, every part of which can be left out or changed.
struct Parts {
  int side = 16, stem_kernel = 5;
  bool wider = true;         // after the pooled block: 12 channels instead of 6 or 8
  bool wider_first = false;  // after the block before that: 8 channels instead of 6
  bool bias_of_depthwise = true;
  bool inner_output = false;  // what a ReLU follows is an output, too
  bool filled = false;        // the channels that widen say what they hold
  std::string odd;            // an operation that separable networks do not have

  void write(const std::filesystem::path& file) const {
    Rng rng(7);
    OnnxGraph graph("separable");
    const auto ints = [](const std::string& name, std::vector<int64_t> values) {
      return OnnxGraph::integers(name, values);
    };
    const auto conv = [&](const std::string& in, const std::string& out, int64_t outputs, int64_t inputs,
                          int64_t kernel, int64_t stride, int64_t groups, bool biased) {
      std::vector<std::string> from = {
          in, graph.constant(out + ".w", {outputs, inputs / groups, kernel, kernel},
                             drawn(rng, static_cast<size_t>(outputs * inputs / groups * kernel * kernel)))};
      if (biased) from.push_back(graph.constant(out + ".b", {outputs}, drawn(rng, static_cast<size_t>(outputs))));
      const int64_t before = (kernel - stride) / 2, behind = kernel - stride - before;
      return graph.node("Conv", from, {out},
                        ints("kernel_shape", {kernel, kernel}) + ints("strides", {stride, stride}) +
                            ints("pads", {before, before, behind, behind}) + OnnxGraph::integer("group", groups));
    };
    graph.input("image", {1, side, side, 3});
    graph.node("Transpose", {"image"}, {"planes"}, ints("perm", {0, 3, 1, 2}));
    conv("planes", "stem", 6, 3, stem_kernel, 2, 1, true);
    graph.node("Relu", {"stem"}, {"a"});
    conv("a", "a.windows", 6, 6, 3, 1, 6, bias_of_depthwise);
    const int64_t first = wider_first ? 8 : 6;
    conv("a.windows", "a.pixels", first, 6, 1, 1, 1, true);
    const auto widened = [&](const std::string& from, const std::string& to, int64_t more, int64_t at) {
      const std::vector<int64_t> shape = {1, more, at, at};
      graph.node("ConstantOfShape", {graph.constant(to + ".shape", shape)}, {to + ".nothing"},
                 filled ? OnnxGraph::real("value", 1) : "");
      return graph.node("Concat", {from, to + ".nothing"}, {to}, OnnxGraph::integer("axis", 1));
    };
    graph.node("Add", {wider_first ? widened("a", "a.padded", 2, side / 2) : "a", "a.pixels"}, {"a.sum"});
    graph.node("Relu", {"a.sum"}, {"b"});
    if (!odd.empty()) graph.node(odd, {"b"}, {"odd"});
    const int64_t channels = wider ? 12 : first, half = side / 4;
    graph.node("MaxPool", {"b"}, {"b.pooled"}, ints("kernel_shape", {2, 2}) + ints("strides", {2, 2}));
    const std::string skip = wider ? widened("b.pooled", "b.padded", channels - first, half) : "b.pooled";
    conv(odd.empty() ? "b" : "odd", "c.windows", first, first, 3, 2, first, false);
    conv("c.windows", "c.pixels", channels, first, 1, 1, 1, true);
    graph.node("Add", {"c.pixels", skip}, {"c.sum"});
    graph.node("Relu", {"c.sum"}, {"c"});
    conv("c", "scores", 2, channels, 1, 1, 1, true);
    graph.node("Transpose", {"scores"}, {"scores.rows"}, ints("perm", {0, 2, 3, 1}));
    conv("b", "boxes", 5, first, 1, 1, 1, true);
    graph.node("Transpose", {"boxes"}, {"boxes.rows"}, ints("perm", {0, 2, 3, 1}));
    graph.output("scores.rows", {1, half, half, 2});
    graph.output("boxes.rows", {1, side / 2, side / 2, 5});
    if (inner_output) graph.output("c.sum", {1, channels, half, half});
    graph.write(file, 11);
  }
};

TEST(SeparableNet, EqualsOpenCVInEveryPart) {
  test::TempDir dir;
  for (const int kernel : {3, 5})
    for (const bool wider : {false, true})
      for (const bool biased : {false, true}) {
        Parts parts;
        parts.wider_first = wider == biased;
        parts.stem_kernel = kernel;
        parts.wider = wider;
        parts.bias_of_depthwise = biased;
        parts.write(dir / "net.onnx");
        const SeparableNet net(dir / "net.onnx", parts.side);
        Rng rng(9);
        const std::vector<float> picture = drawn(rng, static_cast<size_t>(parts.side) * parts.side * 3);

        const auto expected = OnnxNet(dir / "net.onnx").run(picture, {1, parts.side, parts.side, 3});
        test::on_every_target([&] {
          EXPECT_LT(difference(net.run(picture, *net.make_workspace()), expected), 1e-4)
              << "stem " << kernel << ", wider " << wider << ", biased " << biased;
        });
      }
}

TEST(SeparableNet, ServesSeveralThreads) {
  const SeparableNet net(require_model("blazeface-back-256.onnx"), 256);
  Rng rng(6);
  const std::vector<float> picture = drawn(rng, 256 * 256 * 3);
  const auto alone = net.make_workspace();
  const auto expected = net.run(picture, *alone);
  std::vector<std::jthread> threads;
  std::array<int, 3> wrong{};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      const auto workspace = net.make_workspace();
      for (int i = 0; i < 2; ++i) {
        const auto outputs = net.run(picture, *workspace);
        for (size_t o = 0; o < outputs.size(); ++o)
          wrong[static_cast<size_t>(t)] += !std::equal(outputs[o].begin(), outputs[o].end(), expected[o].begin());
      }
    });
  threads.clear();
  EXPECT_EQ(wrong, (std::array<int, 3>{}));
}

TEST(SeparableNet, RefusesOtherNetworks) {
  test::TempDir dir;
  const auto text_of = [&](const Parts& parts, int side) {
    parts.write(dir / "net.onnx");
    return test::error_text([&] { SeparableNet(dir / "net.onnx", side); });
  };
  EXPECT_EQ(text_of({}, 16), "");
  EXPECT_NE(text_of({.odd = "Sigmoid"}, 16).find("'Sigmoid'"), std::string::npos);
  EXPECT_NE(text_of({.inner_output = true}, 16), "");
  EXPECT_NE(text_of({.filled = true}, 16).find("'value'"), std::string::npos);
  EXPECT_NE(text_of({}, 15).find("net.onnx"), std::string::npos);  // windows do not come out even
  EXPECT_NE(test::error_text([&] { SeparableNet(dir / "none.onnx", 16); }).find("none.onnx"), std::string::npos);
  std::ofstream(dir / "text.onnx") << "no network at all";
  EXPECT_NE(test::error_text([&] { SeparableNet(dir / "text.onnx", 16); }).find("text.onnx"), std::string::npos);
}

// Wherever the file ends, it is read or refused, by name.
TEST(SeparableNet, SurvivesFilesCutShort) {
  test::TempDir dir;
  Parts().write(dir / "whole.onnx");
  std::ifstream in(dir / "whole.onnx", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  for (size_t length = 0; length < bytes.size(); length += 41) {
    std::ofstream(dir / "cut.onnx", std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(length));
    const std::string text = test::error_text([&] { SeparableNet(dir / "cut.onnx", 16); });
    EXPECT_TRUE(text.empty() || text.find("cut.onnx") != std::string::npos) << text;
  }
}

}  // namespace
}  // namespace fsfm
