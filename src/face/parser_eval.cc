#include "face/parser_eval.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "base/error.h"
#include "face/parsing_dataset.h"

namespace fsfm {

void ParsingScore::add(std::span<const uint8_t> truth, std::span<const uint8_t> predicted) {
  if (truth.size() != predicted.size()) throw Error("parsing maps of different sizes cannot be compared");
  for (size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == kIgnoredClass) continue;
    if (truth[i] >= kFaceClasses || predicted[i] >= kFaceClasses) throw Error("parsing map with a class above 10");
    ++confusion[truth[i]][predicted[i]];
  }
  ++faces;
}

double ParsingScore::f1(int face_class) const {
  uint64_t truth = 0, predicted = 0;
  for (int c = 0; c < kFaceClasses; ++c) {
    truth += confusion[face_class][c];
    predicted += confusion[c][face_class];
  }
  return truth + predicted == 0 ? 1.0
                                : 2.0 * confusion[face_class][face_class] / static_cast<double>(truth + predicted);
}

double ParsingScore::mean_f1() const {
  double sum = 0;
  for (int c = 1; c < kFaceClasses; ++c) sum += f1(c);
  return sum / (kFaceClasses - 1);
}

double ParsingScore::pixel_accuracy() const {
  uint64_t right = 0, all = 0;
  for (int t = 0; t < kFaceClasses; ++t) {
    right += confusion[t][t];
    for (const auto count : confusion[t]) all += count;
  }
  return all == 0 ? 0.0 : static_cast<double>(right) / static_cast<double>(all);
}

nlohmann::json ParsingScore::to_json() const {
  nlohmann::json per_class;
  for (int c = 0; c < kFaceClasses; ++c) per_class[std::string(kFaceClassNames[c])] = f1(c);
  return {{"faces", faces},
          {"mean_f1", mean_f1()},
          {"pixel_accuracy", pixel_accuracy()},
          {"f1", per_class},
          {"confusion", confusion}};
}

std::string ParsingScore::to_text() const {
  std::string text = fmt::format("{:<12} {:>6} {:>9}  {}\n", "class", "F1", "pixels", "most often taken for");
  for (int c = 0; c < kFaceClasses; ++c) {
    uint64_t pixels = 0, most = 0;
    int other = c;
    for (int p = 0; p < kFaceClasses; ++p) {
      pixels += confusion[c][p];
      if (p != c && confusion[c][p] > most) most = confusion[c][p], other = p;
    }
    const std::string taken =
        most == 0 ? "" : fmt::format("{} ({:.1f} %)", kFaceClassNames[other], 100.0 * most / pixels);
    text += fmt::format("{:<12} {:>6.4f} {:>9}  {}\n", kFaceClassNames[c], f1(c), pixels, taken);
  }
  return text + fmt::format("mean F1 over the ten foreground classes {:.4f}, pixel accuracy {:.4f}, {} faces\n",
                            mean_f1(), pixel_accuracy(), faces);
}

}  // namespace fsfm
