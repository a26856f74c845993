// What lies where weights should be is named by its content.
#include "tensorio/not_weights.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/pth_writer.h"

namespace fsfm {
namespace {

using namespace std::string_literals;

std::string say(const std::string& content) {
  return not_weights("w.pth", std::as_bytes(std::span(content)), "PyTorch checkpoint").what();
}

TEST(NotWeights, NamesWhatTheFileIsAndTheWayOut) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"<!DOCTYPE html><html><head><title>Quota exceeded</title></head></html>", {"a web page", "download"}},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3\n", {"git-lfs pointer", "git lfs pull"}},
      {"", {"is empty"}},
      {"GGUF\x03\0\0\0"s, {"GGUF", "state_dict"}},
      {"\x89HDF\r\n\x1a\n"s, {"HDF5", "state_dict"}},
      {"\x08\x07\x12\x07pytorch"s, {"ONNX", "state_dict"}},
      {"\x1c\0\0\0TFL3"s, {"TensorFlow Lite"}},
      {"\x89PNG\r\n\x1A\n"s + std::string(40, 'x'), {"PNG picture"}},
      {"\xFF\xD8\xFF\xE0\0\x10JFIF"s, {"JPEG picture"}},
      {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s, {"old torch.save form", "re-save"}},
      {"\x80\x04N."s, {"bare pickle", "re-save"}},
      {"\x1f\x8b\x08\0"s + std::string(20, '\0'), {"gzip archive"}},
      {test::zip({{"readme.txt", "hello"}}), {"zip archive", "readme.txt"}},
      {test::zip({{"a/weights.npy", "x"}}), {"NumPy arrays"}},
      {test::zip({{"m/model.safetensors", "x"}}), {"holds m/model.safetensors", "unpack"}},
      {test::zip({{"a/data.pkl", "x"}, {"a/constants.pkl", "x"}}), {"TorchScript", "state_dict"}}};
  for (const auto& [content, parts] : cases)
    for (const auto& part : parts)
      EXPECT_NE(say(content).find(part), std::string::npos) << part << ": " << say(content);
  std::string tar(512, '\0');
  tar.replace(0, 7, "storage");
  tar.replace(257, 5, "ustar");
  EXPECT_NE(say(tar).find("tar archive"), std::string::npos) << say(tar);
  EXPECT_NE(say(std::string("\x01\x02\x03\x00\xff\xfe", 6)).find("w.pth is not a PyTorch checkpoint"),
            std::string::npos);
}

}  // namespace
}  // namespace fsfm
