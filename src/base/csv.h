// CSV: fields of the files we write, and tables as spreadsheets save them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fsfm {

// Quoted where needed, and never a formula to a spreadsheet.
std::string csv_field(std::string_view text);

// A column that a reader knows, and how else people call it; capitals, spaces, '_' and '-' do not matter.
struct CsvColumn {
  std::string name;
  std::vector<std::string> also = {};
  bool required = false;
};

struct CsvRow {
  size_t line = 0;  // in the file, from 1
  std::vector<std::string> fields;
};

// A table as people keep them: separated by commas, semicolons, tabs or bars, whichever makes its first line a header
// with all required columns (or as Excel's line `sep=;` says); fields may be quoted and then hold line breaks and
// doubled quotes (RFC 4180). Blank lines, empty columns at the end and spaces around fields are passed over.
// Thread-safe once read.
class CsvTable {
 public:
  // Throws Error: no text (see decode_text), a quote that never ends, a row with more fields than the header.
  CsvTable(const std::filesystem::path& file, std::span<const CsvColumn> columns);

  // Were all required columns found in the first row? Otherwise rows() begins with it.
  bool has_header() const { return has_header_; }
  const std::vector<CsvRow>& rows() const { return rows_; }
  bool has(const std::string& column) const { return columns_.contains(column); }
  // "" where the row ends before the column or the table has none of that name.
  std::string field(const CsvRow& row, const std::string& column) const;
  // How the file itself calls the column; "" when it has none of that name.
  std::string title(const std::string& column) const;
  // The first row, for messages: "'file', 'kind', separated by ','".
  std::string describe() const;

 private:
  bool has_header_ = false;
  char separator_ = ',';
  std::vector<std::string> first_;
  std::map<std::string, size_t> columns_;
  std::vector<CsvRow> rows_;
};

// The rows of `text` with `separator` between fields, at most `most` of them. Throws Error naming `name` and the line.
std::vector<CsvRow> parse_csv(std::string_view text, char separator, const std::string& name,
                              size_t most = static_cast<size_t>(-1));

}  // namespace fsfm
