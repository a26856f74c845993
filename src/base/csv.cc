#include "base/csv.h"

namespace fsfm {

std::string csv_field(std::string_view text) {
  // A leading =, +, - or @ would be a formula to a spreadsheet.
  const bool formula = !text.empty() && std::string_view("=+-@").find(text[0]) != std::string_view::npos;
  if (!formula && text.find_first_of(",\"\r\n") == std::string::npos) return std::string(text);
  std::string quoted = formula ? "\"'" : "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

}  // namespace fsfm
