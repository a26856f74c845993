// Fields of the CSV files we write.
#pragma once

#include <string>
#include <string_view>

namespace fsfm {

// Quoted where needed, and never a formula to a spreadsheet.
std::string csv_field(std::string_view text);

}  // namespace fsfm
