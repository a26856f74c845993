// What the page of verdicts adds to the style of every page, and the script that scrubs its films.
#pragma once

#include <string_view>

namespace fsfm::report {

std::string_view detect_page_style();
// Without it a film shows its highest frame.
std::string_view detect_page_script();

}  // namespace fsfm::report
