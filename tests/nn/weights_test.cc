// Weights by name: what fits is copied, what does not is named.
#include "nn/weights.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "nn/vit.h"

namespace {

using namespace fsfm;

const VitConfig kConfig{.img_size = 32, .patch_size = 8, .embed_dim = 32, .depth = 1, .num_heads = 4, .num_classes = 2};

TEST(Weights, ThereAndBack) {
  Vit source(kConfig), copy(kConfig);
  const ModuleTensors tensors(*source);
  const auto report = load_weights(*copy, tensors.map(), {.source = "file"});
  EXPECT_EQ(report.loaded.size(), tensors.map().size());
  const auto images = torch::randn({1, 3, 32, 32});
  EXPECT_TRUE(torch::equal(source(images), copy(images)));
}

TEST(Weights, MissingUnexpectedAndMisshapedAreNamed) {
  Vit source(kConfig), copy(kConfig);
  const ModuleTensors tensors(*source);
  const auto before = copy->named_parameters()["cls_token"].clone();
  const auto message = [&](TensorMap map, LoadOptions options) {
    options.source = "some.pth";
    try {
      load_weights(*copy, map, options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  auto missing = tensors.map();
  missing.erase("head.weight");
  EXPECT_NE(message(missing, {}).find("head.weight"), std::string::npos);
  EXPECT_NE(message(missing, {}).find("some.pth"), std::string::npos);
  EXPECT_EQ(message(missing, {.may_miss = {"head."}}), "");

  auto extra = tensors.map();
  extra["decoder_embed.weight"] = extra["head.weight"];
  EXPECT_NE(message(extra, {}).find("decoder_embed.weight"), std::string::npos);
  EXPECT_EQ(message(extra, {.may_be_unused = {"decoder_"}}), "");
  EXPECT_EQ(message(extra, {.allow_unused = true}), "");

  auto narrow = kConfig;
  narrow.embed_dim = 16;
  Vit other(narrow);
  const ModuleTensors smaller(*other);
  EXPECT_NE(message(smaller.map(), {}).find("shape"), std::string::npos);
  EXPECT_FALSE(torch::equal(before, copy->named_parameters()["cls_token"]));  // the accepted loads above did copy
}

TEST(Weights, ARefusedFileChangesNothing) {
  Vit source(kConfig), copy(kConfig);
  const ModuleTensors tensors(*source);
  auto map = tensors.map();
  map.erase("head.bias");
  const auto before = copy->named_parameters()["cls_token"].clone();
  EXPECT_THROW(load_weights(*copy, map, {}), Error);
  EXPECT_TRUE(torch::equal(before, copy->named_parameters()["cls_token"]));
}

TEST(Weights, PositionsOfAnotherPictureSizeAreResized) {
  Vit source(kConfig);
  auto larger = kConfig;
  larger.img_size = 48;
  Vit copy(larger);
  const ModuleTensors tensors(*source);
  const auto report = load_weights(*copy, tensors.map(), {});
  EXPECT_EQ(report.resized, std::vector<std::string>{"pos_embed"});
  EXPECT_THROW(load_weights(*copy, tensors.map(), {.resize_positions = false}), Error);
}

TEST(Weights, UnalignedBytesAreRead) {
  std::vector<std::byte> bytes(1 + 2 * sizeof(float));
  const float values[2] = {1.5f, -2.0f};
  std::memcpy(bytes.data() + 1, values, sizeof values);
  const auto tensor = to_torch({DType::f32, {2}, std::span<const std::byte>(bytes).subspan(1)});
  EXPECT_TRUE(torch::equal(tensor, torch::tensor({1.5f, -2.0f})));
}

}  // namespace
