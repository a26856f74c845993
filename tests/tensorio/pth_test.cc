#include "tensorio/pth.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "support/error_text.h"
#include "support/paths.h"
#include "support/pth_writer.h"
#include "support/temp_dir.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

using test::checkpoint;
using test::error_text;
using test::TempDir;
namespace pkl = test::pkl;

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

class Pth : public testing::Test {
 protected:
  PthFile read(const std::string& bytes) {
    bytes_ = bytes;
    return parse_pth(std::as_bytes(std::span(bytes_)), "x.pth");
  }
  std::string error(const std::string& bytes) {
    return error_text([&] {
      const PthFile file = read(bytes);
      for (const auto& [name, tensor] : named_tensors(file)) file.load(*tensor);
    });
  }
  TempDir dir_;
  std::string bytes_;
};

fs::path golden(const std::string& name) { return test::golden(name); }

TEST_F(Pth, AuthorsCheckpointsLoadWithoutRunningTheirCode) {
  const PthFile online = read_pth(golden("tiny-online.pth"));
  const TensorMap weights = state_dict(online);
  EXPECT_EQ(weights.at("patch_embed.proj.weight").shape, (Shape{48, 3, 16, 16}));
  EXPECT_EQ(weights.at("pos_embed").shape, (Shape{1, 17, 48}));
  EXPECT_EQ(online.root().find("epoch")->integer, 7);
  const PickleValue* args = online.root().find("args");
  ASSERT_NE(args, nullptr);
  EXPECT_EQ(args->text, "argparse.Namespace");
  const nlohmann::json json = pickle_to_json(*args);
  EXPECT_EQ(json["epochs"], 400);
  EXPECT_DOUBLE_EQ(json["mask_ratio"], 0.75);
  EXPECT_GT(state_dict(read_pth(golden("tiny-target.pth"))).size(), 50u);
}

TEST_F(Pth, AuthorsDetectorEqualsTheReferenceWeights) {
  const PthFile file = read_pth(golden("tiny-detector.pth"));
  const TensorMap weights = state_dict(file);
  const TensorFile reference = read_safetensors(golden("tiny-vit.safetensors"));
  size_t compared = 0;
  for (const auto& [name, tensor] : weights) {
    const auto other = reference.tensors.find("avg.weights." + name);
    ASSERT_NE(other, reference.tensors.end()) << name;
    EXPECT_EQ(tensor.shape, other->second.shape) << name;
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, other->second.bytes)) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 44u);
}

TEST_F(Pth, StridesAndOffsetsAreHonoured) {
  const std::string data = floats({0, 1, 2, 3, 4, 5, 6});
  const PthFile file = read(checkpoint(pkl::dict({{"transposed", pkl::tensor("0", 7, 1, {3, 2}, {1, 3})},
                                                  {"repeated", pkl::tensor("0", 7, 2, {3}, {0})},
                                                  {"scalar", pkl::tensor("0", 7, 6, {}, {})},
                                                  {"none", pkl::tensor("0", 7, 7, {0, 5}, {5, 1})}}),
                                       {data}));
  const TensorMap tensors = state_dict(file);
  EXPECT_EQ(tensors.at("transposed").to_float(), (std::vector<float>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(tensors.at("repeated").to_float(), (std::vector<float>{2, 2, 2}));
  EXPECT_EQ(tensors.at("scalar").to_float(), std::vector<float>{6});
  EXPECT_EQ(tensors.at("none").count(), 0);
  EXPECT_EQ(tensors.at("transposed").as<float>().size(), 6u);  // aligned, whatever the zip does
}

TEST_F(Pth, EveryStorageTypeIsKnown) {
  const std::string data(16, '\x01');
  const std::vector<std::pair<std::string, DType>> types = {
      {"FloatStorage", DType::f32},     {"DoubleStorage", DType::f64}, {"HalfStorage", DType::f16},
      {"BFloat16Storage", DType::bf16}, {"LongStorage", DType::i64},   {"IntStorage", DType::i32},
      {"ShortStorage", DType::i16},     {"CharStorage", DType::i8},    {"ByteStorage", DType::u8},
      {"BoolStorage", DType::boolean}};
  for (const auto& [name, dtype] : types) {
    const PthFile file = read(checkpoint(pkl::dict({{"x", pkl::tensor("0", 2, 0, {2}, {1}, name)}}), {data}));
    EXPECT_EQ(state_dict(file).at("x").dtype, dtype) << name;
  }
  EXPECT_NE(
      error(checkpoint(pkl::dict({{"x", pkl::tensor("0", 2, 0, {2}, {1}, "QInt8Storage")}}), {data})).find("QInt8"),
      std::string::npos);
}

TEST_F(Pth, DeflatedEntriesAndWrappedNamesAreRead) {
  const std::string model =
      pkl::dict({{"module.a", pkl::tensor("0", 2, 0, {2}, {1})}, {"module.b", pkl::tensor("0", 2, 1, {1}, {1})}});
  const PthFile file = read(checkpoint(pkl::dict({{"state_dict", model}}), {floats({1, 2})}, true));
  const TensorMap tensors = state_dict(file);
  EXPECT_EQ(tensors.at("a").to_float(), (std::vector<float>{1, 2}));
  EXPECT_EQ(tensors.at("b").to_float(), std::vector<float>{2});
}

TEST_F(Pth, APickleThatCallsOsSystemStaysData) {
  const fs::path canary = dir_ / "canary";
  const std::string command = "touch " + canary.string();
  for (const char* module : {"os", "posix", "nt"}) {
    const std::string evil = pkl::call(pkl::global(module, "system"), pkl::tuple({pkl::text(command)}));
    const PthFile file = read(checkpoint(pkl::dict({{"model", evil}})));
    const PickleValue* value = file.root().find("model");
    EXPECT_EQ(value->kind, PickleValue::Kind::object);
    EXPECT_EQ(value->text, std::string(module) + ".system");
    EXPECT_NE(error_text([&] { state_dict(file); }).find("holds no weights"), std::string::npos);
  }
  EXPECT_NE(error(checkpoint("cos\nsystem\n(S'" + command + "'\ntR")).find("not used by torch.save"),
            std::string::npos);
  const PthFile path =
      read(checkpoint(pkl::call(pkl::global("pathlib", "PosixPath"), pkl::tuple({pkl::text("/"), pkl::text("etc")}))));
  EXPECT_EQ(path.root().describe(), "pathlib.PosixPath('/', 'etc')");
  EXPECT_FALSE(fs::exists(canary));
}

TEST_F(Pth, LyingTensorsAreErrors) {
  auto message = [&](const std::string& tensor) {
    return error(checkpoint(pkl::dict({{"x", tensor}}), {floats({1, 2, 3, 4})}));
  };
  EXPECT_NE(message(pkl::tensor("0", 4, 0, {5}, {1})).find("outside its storage"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("0", 4, 4, {1}, {1})).find("outside its storage"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("0", 4, 0, {2, 2}, {1, 3})).find("outside its storage"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("0", 4, -1, {1}, {1})).find("before its storage"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("0", 4, 0, {-1}, {1})).find("negative"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("0", 4, 3, {2}, {-1})).find("negative"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("0", 4, 0, {2, 2}, {1})).find("do not match"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("0", 400, 0, {5}, {1})).find("shorter than"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("9", 4, 0, {4}, {1})).find("missing"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("../../etc/passwd", 4, 0, {4}, {1})).find("missing"), std::string::npos);
  constexpr int kHuge = 2'000'000'000;
  EXPECT_NE(message(pkl::tensor("0", 4, 0, {kHuge, kHuge, kHuge}, {0, 0, 0})).find("too large"), std::string::npos);
  EXPECT_NE(message(pkl::tensor("0", 4, 0, {kHuge, 2}, {0, 0})).find("far more than the file holds"),
            std::string::npos);
}

TEST_F(Pth, EveryTruncationIsAnError) {
  const std::string whole = checkpoint(pkl::dict({{"x", pkl::tensor("0", 2, 0, {2}, {1})}}), {floats({1, 2})});
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_NE(error(whole.substr(0, size)), "") << size;
  EXPECT_EQ(error(whole), "");
  const std::string real = read_file(golden("tiny-detector.pth"));
  EXPECT_NE(error(real.substr(0, real.size() / 2)).find("damaged or incomplete"), std::string::npos);
}

TEST_F(Pth, FlippedBytesNeverCrash) {
  const std::string whole =
      checkpoint(pkl::dict({{"x", pkl::tensor("0", 2, 0, {2}, {1})}, {"y", pkl::text("text")}}), {floats({1, 2})});
  for (size_t i = 0; i < whole.size(); ++i)
    for (int bit = 0; bit < 8; bit += 3) {
      std::string flipped = whole;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      error(flipped);  // an Error or a success, nothing else
    }
  // The same inside the pickle, with a checksum that fits.
  const std::string program =
      pkl::program(pkl::dict({{"x", pkl::tensor("0", 2, 0, {2}, {1})}, {"y", pkl::tuple({pkl::integer(3)})}}));
  for (size_t i = 0; i < program.size(); ++i)
    for (int value = 0; value < 256; value += 5) {
      std::string changed = program;
      changed[i] = static_cast<char>(value);
      error(test::zip({{"a/data.pkl", changed}, {"a/data/0", floats({1, 2})}}));
    }
}

TEST_F(Pth, DeepAndCyclicValuesAreSurvived) {
  const std::string deep(200'000, ']');  // lists, each to be put into the one below
  const PthFile file = read(checkpoint(deep + std::string(199'999, 'a')));
  EXPECT_LT(file.root().describe().size(), 500u);
  EXPECT_FALSE(pickle_to_json(file.root()).empty());
  const PthFile cycle = read(checkpoint(std::string("]q\0h\0a", 6)));  // x = []; x.append(x)
  EXPECT_EQ(cycle.root().describe(2), "[[[...]]]");
  // A list of a thousand references to a list of a thousand references to ...: small on disk, endless when unrolled.
  std::string bomb = "]q";
  bomb += '\0';
  for (char level = 1; level < 8; ++level) {
    bomb += "](";
    for (int i = 0; i < 1000; ++i) bomb += std::string("h") + static_cast<char>(level - 1);
    bomb += std::string("eq") + level;
  }
  const PthFile unrolled = read(checkpoint(bomb));
  EXPECT_LT(pickle_to_json(unrolled.root()).dump().size(), 1'000'000u);
}

// Sizes are those the tensors need, not those the archive claims; what nobody asks for is not inflated.
TEST_F(Pth, CompressedTensorsAreInflatedWhenAskedForAndWithinReason) {
  const std::string zeros(70 << 20, '\0');
  const int elements = static_cast<int>(zeros.size() / 4);
  const std::string bomb =
      checkpoint(pkl::dict({{"large", pkl::tensor("0", elements, 0, {elements}, {1})}}), {zeros}, true);
  EXPECT_LT(bomb.size(), 200'000u);
  const PthFile file = read(bomb);
  const PickleValue* large = named_tensors(file).at("large");
  EXPECT_TRUE(file.compressed(*large));
  EXPECT_EQ(large->tensor.shape, (Shape{elements}));
  EXPECT_TRUE(large->tensor.bytes.empty());
  EXPECT_NE(error(bomb).find("times the file"), std::string::npos) << error(bomb);
  // A storage far larger than its tensor: two values are read.
  const PthFile small =
      read(checkpoint(pkl::dict({{"x", pkl::tensor("0", 2, 0, {2}, {1})}}), {floats({1, 2}) + zeros}, true));
  EXPECT_EQ(small.load(*named_tensors(small).at("x")).to_float(), (std::vector<float>{1, 2}));
}

TEST_F(Pth, TensorsThatShareTheirBytesMayNotClaimWithoutEnd) {
  const int elements = 1 << 18;
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 80; ++i)
    entries.emplace_back("t" + std::to_string(i), pkl::tensor("0", elements, 0, {elements}, {1}));
  const std::string data(static_cast<size_t>(elements) * 4, '\0');
  EXPECT_NE(error(checkpoint(pkl::dict(entries), {data})).find("far more than the file holds"), std::string::npos);
  entries.resize(4);  // tied weights are no trap
  EXPECT_EQ(error(checkpoint(pkl::dict(entries), {data})), "");
}

TEST_F(Pth, MemoAndStackOfThePickleAreBounded) {
  EXPECT_NE(error(checkpoint("N" + std::string(1'200'000, '\x94'))).find("at once"), std::string::npos);
  EXPECT_NE(error(checkpoint(std::string(1'200'000, '('))).find("at once"), std::string::npos);
  EXPECT_NE(error(checkpoint("N" + std::string(1'200'000, '2'))).find("at once"), std::string::npos);
}

TEST_F(Pth, NestedDictsAreNamedByTheirPath) {
  const std::string leaf = pkl::tensor("0", 1, 0, {1}, {1});
  const PthFile file = read(checkpoint(
      pkl::dict({{"model", pkl::dict({{"a.b", leaf}})}, {"ema", pkl::dict({{"state", pkl::dict({{"c", leaf}})}})}}),
      {floats({1})}));
  const auto tensors = named_tensors(file);
  EXPECT_EQ(tensors.size(), 2u);
  EXPECT_TRUE(tensors.contains("model.a.b"));
  EXPECT_TRUE(tensors.contains("ema.state.c"));
}

TEST_F(Pth, OtherFilesSayWhatTheyAre) {
  EXPECT_NE(error(std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15)).find("re-save"),
            std::string::npos);
  EXPECT_NE(error(pkl::program("N")).find("bare pickle"), std::string::npos);
  EXPECT_NE(error("just text").find("not a PyTorch checkpoint"), std::string::npos);
  EXPECT_NE(error(test::zip({{"a.txt", "x"}})).find("no data.pkl"), std::string::npos);
  EXPECT_NE(error(test::zip({{"a/data.pkl", "x"}, {"a/constants.pkl", "x"}})).find("TorchScript"), std::string::npos);
  EXPECT_NE(error(""), "");
}

}  // namespace
}  // namespace fsfm
