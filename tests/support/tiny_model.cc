#include "support/tiny_model.h"

#include "support/paths.h"

namespace fsfm::test {

TensorMap with_prefix(const TensorFile& file, const std::string& prefix) {
  TensorMap tensors;
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with(prefix)) tensors.emplace(name.substr(prefix.size()), tensor);
  return tensors;
}

std::filesystem::path write_tiny_detector(const std::filesystem::path& path,
                                          const std::function<void(ModelCard&)>& change) {
  const TensorFile file = read_safetensors(golden("tiny-vit.safetensors"));
  const TensorMap weights = with_prefix(file, "avg.weights.");
  ModelCard card;
  card.kind = "detector";
  card.architecture = "vit";
  card.config = {{"num_heads", 3}};
  card.task = "dfd";
  card.classes = {"fake", "real"};
  card.attack_classes = {"fake"};
  card.resize = "pillow-bicubic-73-crop-64";
  card.face_detector = "dlib-hog:0";  // nothing to download, and quick
  card.threshold = 0.5;
  if (change) change(card);
  write_model(path, card, weights);
  return path;
}

}  // namespace fsfm::test
