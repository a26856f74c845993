// fsfm evaluate --parser P --data DIR: how well a face parser agrees with hand-drawn maps.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/options.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "cli/open_parser.h"
#include "face/parser_eval.h"
#include "face/parsing_dataset.h"

namespace fsfm::cli {

int run_evaluate_parser(int argc, char** argv) {
  std::string name, layout = "celebamask-19";
  std::vector<std::filesystem::path> data;
  bool json = false, as_labelled = false;
  Options options(
      "evaluate",
      "Judge a face parser on hand-drawn maps: F1 of each of the 11 classes, from the pixels of the whole set");
  options.add("parser", name, "shipped, or a file: .safetensors, .onnx, .pt (TorchScript)").required();
  options.add("data", data, "folders with images/NAME.jpg and labels/NAME.png").required();
  options.add("layout", layout, "what the indices of the labels mean")
      .choices({"celebamask-19", "bisenet-19", "lapa-11"});
  options.add("as-labelled", as_labelled, "keep labels whose left and right are exchanged as they are");
  options.add("json", json, "print JSON instead of text").command_line_only();
  options.enable_quiet();
  options.footer("Example:\n  fsfm evaluate --parser shipped --data CelebAMask-HQ/val");
  if (!options.parse(argc, argv)) return 0;

  const auto parser = open_parser(name);
  nlohmann::json results = nlohmann::json::array();
  for (const auto& folder : data) {
    std::vector<std::string> unreadable;
    const auto faces = read_labelled_faces(folder, layout, !as_labelled, &unreadable);
    const auto repaired =
        std::count_if(faces.begin(), faces.end(), [](const auto& face) { return face.sides_repaired; });
    Progress bar("parse", faces.size(), "face", progress_visible());
    ParsingScore score;
    for (const auto& face : faces) {
      if (interrupted()) return interrupted_exit("nothing was printed");
      score.add(face.classes, parser->parse(face.image).classes);
      bar.update(score.faces);
    }
    bar.finish();
    if (json) {
      auto& result = results.emplace_back(score.to_json());
      result["parser"] = parser->name();
      result["data"] = folder.string();
      result["sides_repaired"] = repaired;
      result["unreadable"] = unreadable.size();
      continue;
    }
    std::printf("%s on %s\n%s", parser->name().c_str(), folder.string().c_str(), score.to_text().c_str());
    if (!unreadable.empty())
      std::printf("%zu pictures could not be read and are left out (first: %s)\n", unreadable.size(),
                  unreadable.front().c_str());
    if (repaired > 0) {
      std::printf("%d of %zu labels had left and right exchanged and were put right (--as-labelled keeps them)\n",
                  static_cast<int>(repaired), faces.size());
    }
  }
  if (json) std::printf("%s\n", results.dump(2).c_str());
  return 0;
}

}  // namespace fsfm::cli
