// Zero-shot probes for people: as text for the terminal and as a page.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "detect/probe_scores.h"
#include "report/html_page.h"

namespace fsfm::report {

struct ProbedDataset {
  std::string name{};
  std::vector<ProbeFigure> figures{};
  size_t faces = 0, attacks = 0, without_face = 0, unreadable = 0;  // without_face: no region could be told
  bool unlabelled = false;                                          // nobody says which faces are attacks
  std::vector<Picture> suspicious{};                                // the faces with the highest scores, if shown
  ProbeScores scores{};
};

struct ProbeReport {
  std::string probe{};  // "reconstruction" | "knn"
  ModelCard card{};
  std::string model_path{};
  std::string meaning{};                                        // what a score is, one sentence
  std::vector<std::pair<std::string, std::string>> settings{};  // draws, reference, ...
  std::vector<ProbedDataset> datasets{};
};

std::string probe_text(const ProbeReport& report);
HtmlPage probe_page(const ProbeReport& report);
nlohmann::json to_json(const ProbeReport& report);

}  // namespace fsfm::report
