// The numbers of failures, as the library's doors give them: callers compare them, so they stay.
#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "base/file.h"
#include "media/codec.h"
#include "media/video.h"
#include "model/import.h"
#include "model/model_file.h"
#include "support/foreign_vit.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"
#include "tensorio/pth.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

template <class Action>
ErrorCode code_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::invalid;
}

TEST(ErrorCodes, NeverChange) {
  EXPECT_EQ(static_cast<int>(ErrorCode::invalid), 1);
  EXPECT_EQ(static_cast<int>(ErrorCode::not_found), 2);
  EXPECT_EQ(static_cast<int>(ErrorCode::io), 3);
  EXPECT_EQ(static_cast<int>(ErrorCode::damaged), 4);
  EXPECT_EQ(static_cast<int>(ErrorCode::unsupported), 5);
  EXPECT_EQ(static_cast<int>(ErrorCode::too_large), 6);
}

TEST(ErrorCodes, ComeFromTheSystemWhereItIsTheCause) {
  EXPECT_EQ(Error("x", "", ENOENT).code(), ErrorCode::not_found);
  EXPECT_EQ(Error("x", "", EACCES).code(), ErrorCode::io);
  EXPECT_EQ(Error("x", "", EACCES).os_error(), EACCES);
  EXPECT_EQ(Error("x").code(), ErrorCode::invalid);
}

TEST(ErrorCodes, StayWhenTheSourceIsNamed) {
  const Error damaged(ErrorCode::damaged, "its header is cut", "copy it again"), system("cannot read a", "", EIO);
  EXPECT_STREQ(damaged.in("m.safetensors").what(), "m.safetensors: its header is cut; copy it again");
  EXPECT_EQ(damaged.in("m.safetensors").code(), ErrorCode::damaged);
  EXPECT_STREQ(damaged.in("m").in("m").what(), "m: its header is cut; copy it again");
  EXPECT_EQ(system.in("b").os_error(), EIO);
}

TEST(ErrorCodes, OfFilesAtTheDoors) {
  const test::TempDir dir;
  const auto write = [&](const std::string& name, const std::string& content) {
    write_file_atomic(dir / name, std::string_view(content));
    return dir / name;
  };
  const fs::path text = write("text.jpg", "these are words, and no picture at all"), empty = write("empty.png", "");
  EXPECT_EQ(code_of([&] { read_image(dir / "absent.jpg"); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { read_image(text); }), ErrorCode::unsupported);
  EXPECT_EQ(code_of([&] { read_image(empty); }), ErrorCode::damaged);
  const auto png = encode_png(Image(40, 30, 9));
  EXPECT_EQ(code_of([&] { decode_image(std::span(png).first(png.size() / 2), "half"); }), ErrorCode::damaged);
  EXPECT_EQ(code_of([&] { decode_image(png, "large", {.max_pixels = 100}); }), ErrorCode::too_large);
  EXPECT_EQ(code_of([&] { VideoReader{dir / "absent.mp4"}; }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { VideoReader{text}; }), ErrorCode::unsupported);
  EXPECT_EQ(code_of([&] { read_file(text, 4); }), ErrorCode::too_large);
  EXPECT_EQ(code_of([&] { read_safetensors(dir / "absent.safetensors"); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { read_safetensors(text); }), ErrorCode::unsupported);
  EXPECT_EQ(code_of([&] { read_pth(text); }), ErrorCode::unsupported);
}

TEST(ErrorCodes, OfModels) {
  const test::TempDir dir;
  const fs::path model = test::write_tiny_detector(dir / "m.safetensors");
  const std::string whole = read_file(model);
  write_file_atomic(dir / "cut.safetensors", std::string_view(whole).substr(0, whole.size() - 8));
  EXPECT_EQ(code_of([&] { ModelFile::open(dir / "cut.safetensors"); }), ErrorCode::damaged);
  EXPECT_EQ(code_of([&] { ModelFile::open(model).tensor("no.such"); }), ErrorCode::damaged);
  const ModelFile file = ModelFile::open(model);
  write_safetensors(dir / "bare.safetensors", file.tensors());
  EXPECT_EQ(code_of([&] { ModelFile::open(dir / "bare.safetensors"); }), ErrorCode::unsupported);
  TensorMap other = file.tensors();  // register tokens: another kind of network
  const HostTensor tokens = HostTensor::from_floats({1, 4, 8}, std::vector<float>(32));
  other["reg_token"] = tokens.view();
  write_safetensors(dir / "other.safetensors", other);
  EXPECT_EQ(code_of([&] { import_weights(dir / "other.safetensors", {}); }), ErrorCode::unsupported);
}

}  // namespace
}  // namespace fsfm
