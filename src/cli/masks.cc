// fsfm masks PHOTO --out SHEET.png
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/open_parser.h"
#include "face/face_detector.h"
#include "media/codec.h"
#include "report/mask_sheet.h"

namespace fsfm::cli {
namespace {

constexpr size_t kMostFaces = 40;  // a sheet beyond that is no picture to look at

struct MasksCommand {
  std::filesystem::path photo, out;
  std::string face_detector, parser;
  MaskSheetOptions sheet;
  bool all_faces = false, detect = true;
};

// The crops of the photo's faces, best first.
std::vector<Image> face_crops(const MasksCommand& command, const Image& photo) {
  if (!command.detect) {
    const int side = std::min(photo.width, photo.height);
    return {crop(photo, {(photo.width - side) / 2, (photo.height - side) / 2, side, side})};
  }
  const auto face_detector = make_face_detector(command.face_detector);
  std::vector<Image> crops;
  for (const Face& face : face_detector->detect(photo)) {
    const Rect rect = crop_rect(face.box, photo.width, photo.height);
    if (rect.width >= 16) crops.push_back(crop(photo, rect));
  }
  if (crops.empty())
    throw Error(command.photo.string() + ": no face found by " + face_detector->name(),
                "try another --face-detector, or --no-detect if the picture is a face crop");
  if (!command.all_faces) crops.resize(1);
  if (crops.size() > kMostFaces) crops.resize(kMostFaces);
  return crops;
}

}  // namespace

int run_masks(int argc, char** argv) {
  MasksCommand command;
  Options options("masks", "Show a face, its parsing map and what every masking strategy hides of it");
  options.positional("photo", command.photo, "a photo with at least one face").required();
  options.add("out", command.out, "the sheet to write (.png, .jpg or .webp)").required();
  options.add("seed", command.sheet.seed, "seed of the masks; the same seed gives the same sheet");
  options
      .add("face-detector", command.face_detector,
           fmt::format("face detector: {} (default: {})", join(face_detector_names(), ", "), default_face_detector()))
      .also("detector");
  options.add("parser", command.parser, "face parser's model file (default: the one that comes with fsfm)");
  options.add("patch", command.sheet.patch, "side of a patch in pixels of the 224 x 224 crop")
      .choices({"7", "8", "14", "16", "28", "32"});
  options.add("ratio", command.sheet.ratio, "share of the patches to hide").range(0, 1);
  options.add("all-faces", command.all_faces, "every face of the photo instead of the best one");
  options.add("detect", command.detect, "--no-detect: the photo is a ready face crop");
  options.footer("Example:\n  fsfm masks group.jpg --all-faces --seed 7 --out sheet.png");
  if (!options.parse(argc, argv)) return 0;

  const Image photo = read_image(command.photo);
  const std::vector<Image> crops = face_crops(command, photo);
  const auto parser = open_parser(command.parser);
  std::vector<MaskSheetFace> faces;
  for (size_t i = 0; i < crops.size(); ++i) {
    std::string title =
        crops.size() == 1 ? std::string("best face") : fmt::format("face {} of {}", i + 1, crops.size());
    faces.push_back(draw_masks(std::move(title), crops[i], parser->parse(crops[i]), command.sheet, i));
  }
  write_image(command.out, render_mask_sheet(command.photo.filename().string(), faces, command.sheet));
  for (const MaskSheetFace& face : faces) {
    std::printf("%s:\n", face.title.c_str());
    for (const MaskSheetDraw& draw : face.draws)
      std::printf("  %-10s %s\n", std::string(mask_strategy_name(draw.strategy)).c_str(), describe(draw).c_str());
  }
  std::printf("%s: written, seed %llu\n", command.out.c_str(), static_cast<unsigned long long>(command.sheet.seed));
  return 0;
}

}  // namespace fsfm::cli
