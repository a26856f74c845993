// An evaluation for people: as text for the terminal and as a page.
#pragma once

#include <string>
#include <vector>

#include "detect/evaluation.h"
#include "detect/robustness.h"
#include "metrics/delong.h"
#include "report/html_page.h"

namespace fsfm::report {

// One model against another on the same samples.
struct ModelComparison {
  std::string dataset, other;     // name of the other model
  metrics::AucComparison videos;  // DeLong over videos
};

struct EvaluationReport {
  ModelCard card;
  std::string model_path;
  std::vector<Evaluation> evaluations;
  std::vector<ModelComparison> comparisons{};
  std::vector<RobustnessPoint> robustness{};
};

// Aligned columns, intervals in brackets; one block a dataset, then the tables that span them.
std::string evaluation_text(const EvaluationReport& report);
HtmlPage evaluation_page(const EvaluationReport& report);

}  // namespace fsfm::report
