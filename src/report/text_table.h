// Tables for the terminal.
#pragma once

#include <string>
#include <vector>

namespace fsfm::report {

using TextRows = std::vector<std::vector<std::string>>;

// One line a row; the first column to the left, the others to the right. UTF-8 counts by characters.
std::string aligned(const TextRows& rows, const std::string& indent = "  ");

}  // namespace fsfm::report
