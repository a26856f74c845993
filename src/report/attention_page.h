// What fsfm probe attention found, for people: text for the terminal, a page, and JSON.
#pragma once

#include <span>
#include <string>

#include "detect/attention_probe.h"
#include "report/html_page.h"

namespace fsfm::report {

std::string attention_text(std::span<const AttentionFigures> models);
// `dataset`: what the faces are of.
HtmlPage attention_page(std::span<const AttentionFigures> models, const std::string& dataset);
nlohmann::json to_json(std::span<const AttentionFigures> models, const std::string& dataset);

}  // namespace fsfm::report
