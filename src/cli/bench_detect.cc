// fsfm bench detect: a photograph, from its file to the verdicts. fsfm bench faces: only finding its faces, each way.
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "cli/bench.h"
#include "cli/random_vit.h"
#include "detect/detect.h"
#include "face/face_detector.h"
#include "kernels/packed_linear.h"
#include "media/codec.h"
#include "model/model_file.h"

namespace fsfm::cli {
namespace {

std::filesystem::path picture_of(const BenchOptions& options) {
  if (options.picture.empty())
    throw Error("this bench takes a photograph", "name one with --picture; tools/fetch_assets.sh brings some");
  return options.picture;
}

// A detector of the wanted size with random weights.
std::shared_ptr<const DetectorModel> random_detector(const std::string& size) {
  VitConfig config = VitConfig::named(size);
  config.num_classes = 2;
  ModelCard card;
  card.kind = "detector";
  card.architecture = "vit";
  card.config = {{"num_heads", config.num_heads}};
  card.task = "dfd";
  card.classes = {"fake", "real"};
  card.attack_classes = {"fake"};
  card.face_detector = "blazeface";
  card.threshold = 0.5;
  const auto file = std::filesystem::temp_directory_path() / ("fsfm-bench-" + std::to_string(::getpid()));
  write_model(file, card, RandomVit(config).map());
  auto model = DetectorModel::of(ModelFile::open(file));
  std::filesystem::remove(file);  // it stays mapped
  return model;
}

}  // namespace

std::vector<BenchCase> bench_detect(const BenchOptions& options) {
  const auto file = picture_of(options);
  const auto model = random_detector(options.model);
  std::vector<BenchCase> cases;
  for (const char* precision : {"fp32", "bf16", "int8"}) {
    if (precision == std::string("bf16") && !has_fast_bf16()) continue;
    if (precision == std::string("int8") && !has_fast_int8()) continue;
    DetectOptions how;
    how.precision = parse_engine_precision(precision);
    Detector detector(model, how);
    const auto faces = static_cast<double>(detector.run(read_image(file)).size());
    cases.push_back({"decode to verdict, ViT-" + options.model + ", " + precision,
                     measure([&] { keep(detector.run(read_image(file)).data()); }, options), faces, "faces"});
  }
  return cases;
}

std::vector<BenchCase> bench_faces(const BenchOptions& options) {
  const Image image = read_image(picture_of(options));
  std::vector<BenchCase> cases;
  for (const char* name : {"blazeface", "dlib-hog"}) {
    const auto finder = make_face_detector(name);
    const auto faces = static_cast<double>(finder->detect(image).size());
    cases.push_back({name, measure([&] { keep(finder->detect(image).data()); }, options), faces, "faces"});
  }
  return cases;
}

}  // namespace fsfm::cli
