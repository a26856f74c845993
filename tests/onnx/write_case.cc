// Writes the shipped detector as FOLDER/m.onnx, random pictures as images.f32 and what the engine answers as
// logits.f32.
#include <cstdio>
#include <filesystem>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/rng.h"
#include "engine/vit.h"
#include "model/models_dir.h"
#include "model/onnx_export.h"

int main(int, char** argv) {
  using namespace fsfm;
  const fs::path folder = argv[1];
  const ModelFile model = ModelFile::open(find_default_detector());
  export_onnx(model, folder / "m.onnx");
  VitEngine engine(model);
  constexpr int kBatch = 3;
  std::vector<float> images(static_cast<size_t>(kBatch) * 3 * engine.image_size() * engine.image_size());
  Rng rng(1);
  for (float& value : images) value = static_cast<float>(rng.normal());
  write_file_atomic(folder / "images.f32", std::as_bytes(std::span(images)));
  write_file_atomic(folder / "logits.f32", std::as_bytes(std::span<const float>(engine.logits(images, kBatch))));
  std::printf("%d %d %d\n", kBatch, engine.image_size(), engine.classes());
}
