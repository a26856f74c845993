// The scores of a film's persons over its time.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace fsfm::report {

inline constexpr int kPersonColors = 8;  // --c0 .. --c7 of the page

// An SVG as wide as the page: a line a person, hollow dots for faces unfit for a verdict, the threshold, and a marker
// (class "now") that the page's script moves. `entry`: verdict_entry of a video; `header`: verdict_header.
std::string film_chart(const nlohmann::json& entry, const nlohmann::json& header);

}  // namespace fsfm::report
