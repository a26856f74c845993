#include "tensorio/not_weights.h"

#include <algorithm>
#include <string_view>

#include "base/content_kind.h"
#include "tensorio/zip.h"

namespace fsfm {
namespace {

using namespace std::string_view_literals;

constexpr const char* kResave =
    "re-save it with PyTorch 1.6 or newer: python -c \"import torch; torch.save(torch.load('IN', map_location='cpu'), "
    "'OUT')\"";
constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
constexpr const char* kExport = "save the weights of the PyTorch model it was made from: its state_dict()";

// ONNX: a protobuf message that begins with ir_version (1..20) and goes on with a producer, a domain or a graph.
bool is_onnx(std::string_view start) {
  return start.size() >= 4 && start[0] == '\x08' && start[1] > 0 && start[1] <= 20 &&
         (start[2] == '\x12' || start[2] == '\x1a' || start[2] == '\x3a' || start[2] == '\x42');
}

Error of_zip(const std::string& name, std::span<const std::byte> bytes, const std::string& expected) {
  std::string first;
  try {
    const ZipReader zip(bytes, name);
    for (const auto& [entry, where] : zip.entries()) {
      if (first.empty()) first = entry.substr(0, 80);
      if (entry.ends_with("constants.pkl"))
        return Error(ErrorCode::unsupported, name + " is a TorchScript archive, not a checkpoint",
                     "save the module's state_dict() instead");
      if (entry == "data.pkl" || entry.ends_with("/data.pkl"))
        return Error(ErrorCode::unsupported, name + " is a PyTorch checkpoint, not a " + expected,
                     "make a model file of it: fsfm convert " + name + " OUT.safetensors");
      if (entry.ends_with(".npy"))
        return Error(ErrorCode::unsupported, name + " is an archive of NumPy arrays (.npz), not a " + expected,
                     "save the weights as .safetensors or with torch.save");
      if (entry == "saved_model.pb" || entry.ends_with("/saved_model.pb") || entry == "model.weights.h5")
        return Error(ErrorCode::unsupported, name + " is a TensorFlow or Keras model, not a " + expected, kExport);
      if (entry.ends_with(".safetensors") || entry.ends_with(".pth") || entry.ends_with(".bin"))
        return Error(ErrorCode::unsupported, name + " is a zip archive that holds " + entry.substr(0, 80),
                     "unpack it and name the file inside");
    }
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::unsupported,
               name + " is a zip archive but no PyTorch checkpoint (it has no data.pkl" +
                   (first.empty() ? ")" : ", but " + first + ")"),
               "name a file written by torch.save");
}

}  // namespace

Error not_weights(const std::string& name, std::span<const std::byte> bytes, const std::string& expected) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 512));
  const auto is = [&](const std::string& what, const std::string& way_out) {
    return Error(ErrorCode::unsupported, name + " is " + what + ", not a " + expected, way_out);
  };
  if (ZipReader::is_zip(bytes)) return of_zip(name, bytes, expected);
  if (start.starts_with(kLegacyMagic))
    return Error(ErrorCode::unsupported, name + " is in the old torch.save form (before PyTorch 1.6)", kResave);
  if (start.starts_with("\x89HDF\r\n\x1a\n"sv)) return is("an HDF5 file (Keras, TensorFlow)", kExport);
  if (start.starts_with("GGUF"sv) || start.starts_with("ggml"sv)) return is("a GGUF file (llama.cpp)", kExport);
  if (start.size() >= 8 && start.substr(4, 4) == "TFL3"sv) return is("a TensorFlow Lite model", kExport);
  if (is_onnx(start)) return is("an ONNX model", kExport);
  if (start.starts_with("\x93NUMPY"sv))
    return is("a NumPy array", "save the weights as .safetensors or with torch.save");
  if (start.starts_with('\x80')) return is("a bare pickle", kResave);
  const ContentKind kind = content_kind(bytes.first(start.size()));
  if (kind == ContentKind::tar)
    return is("a tar archive (as torch.save wrote before PyTorch 0.1.10, or somebody packed)",
              "unpack it and name the file inside, or re-save the weights with a newer PyTorch");
  if (kind == ContentKind::empty) return Error(ErrorCode::damaged, name + " is empty", "copy or download it again");
  if (kind == ContentKind::lfs_pointer)
    return Error(ErrorCode::unsupported, name + " is " + content_name(kind), content_way_out(kind));
  if (kind != ContentKind::unknown) return is(content_name(kind), content_way_out(kind));
  return Error(ErrorCode::unsupported, name + " is not a " + expected,
               "weights are read from .safetensors files and from what torch.save writes (.pth, .bin)");
}

}  // namespace fsfm
