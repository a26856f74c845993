#include "base/csv.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/text.h"
#include "base/text_file.h"

namespace fsfm {
namespace {

// Spaces of every kind that spreadsheets leave around a name: plain ones, the unbreakable one, a mark amid the file.
std::string trim_field(std::string_view text) {
  constexpr std::string_view kSpaces[] = {" ", "\t", "\n", "\r", "\xC2\xA0", "\xEF\xBB\xBF", "\xE2\x80\x8B"};
  for (bool more = true; more;) {
    more = false;
    for (const auto space : kSpaces) {
      if (text.starts_with(space)) text.remove_prefix(space.size()), more = true;
      if (text.ends_with(space)) text.remove_suffix(space.size()), more = true;
    }
  }
  return std::string(text);
}

// "File Name", "file_name" and "FILENAME" are one.
std::string plain_name(std::string_view text) {
  std::string out;
  for (const char c : trim_field(text))
    if (c != ' ' && c != '_' && c != '-' && c != '.' && c != '"' && c != '\'')
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::map<std::string, size_t> match_columns(const std::vector<std::string>& header,
                                            std::span<const CsvColumn> columns) {
  std::map<std::string, size_t> found;
  std::vector<std::string> names;
  for (const auto& field : header) names.push_back(plain_name(field));
  for (const auto& column : columns) {
    std::vector<std::string> spellings = {column.name};
    spellings.insert(spellings.end(), column.also.begin(), column.also.end());
    for (const auto& spelling : spellings) {
      const auto at = std::find(names.begin(), names.end(), plain_name(spelling));
      if (at == names.end() || found.contains(column.name)) continue;
      found[column.name] = static_cast<size_t>(at - names.begin());
    }
  }
  return found;
}

bool has_required(const std::map<std::string, size_t>& found, std::span<const CsvColumn> columns) {
  return std::all_of(columns.begin(), columns.end(),
                     [&](const CsvColumn& c) { return !c.required || found.contains(c.name); });
}

// The character of Excel's first line `sep=;`, and that line's length with its end; 0 when there is none.
std::pair<char, size_t> stated_separator(std::string_view text) {
  const std::string_view whole = text.substr(0, text.find('\n'));
  std::string_view line = whole;
  if (line.starts_with('"')) line.remove_prefix(1);
  if (line.size() < 5 || to_lower(line.substr(0, 4)) != "sep=") return {0, 0};
  const std::string_view rest = line.substr(5);
  if (rest.find_first_not_of(" \",;\t") != std::string_view::npos) return {0, 0};
  return {line[4], std::min(text.size(), whole.size() + 1)};
}

constexpr size_t kRowsLookedAt = 32;

bool is_comment(const CsvRow& row) { return row.fields.front().starts_with('#'); }

// Of a table without a header: what gives its first rows the same number of fields, the more the better.
char likely_separator(std::string_view text, std::string_view candidates, const std::string& name) {
  char best = candidates[0];
  size_t most = 1;
  for (const char candidate : candidates) {
    auto rows = parse_csv(text, candidate, name, kRowsLookedAt);
    if (rows.empty()) continue;
    if (!std::all_of(rows.begin(), rows.end(), is_comment)) std::erase_if(rows, is_comment);
    const size_t fields = rows.front().fields.size();
    const bool even =
        std::all_of(rows.begin(), rows.end(), [&](const CsvRow& row) { return row.fields.size() == fields; });
    if (even && fields > most) {
      most = fields;
      best = candidate;
    }
  }
  return best;
}

}  // namespace

std::string csv_field(std::string_view text) {
  // A leading =, +, - or @ would be a formula to a spreadsheet.
  const bool formula = !text.empty() && std::string_view("=+-@").find(text[0]) != std::string_view::npos;
  if (!formula && text.find_first_of(",\"\r\n") == std::string::npos) return std::string(text);
  std::string quoted = formula ? "\"'" : "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::vector<CsvRow> parse_csv(std::string_view text, char separator, const std::string& name, size_t most) {
  std::vector<CsvRow> rows;
  size_t line = 1;
  for (size_t at = 0; at < text.size() && rows.size() < most;) {
    CsvRow row{line, {}};
    for (bool more = true; more;) {
      while (at < text.size() && text[at] != separator && (text[at] == ' ' || text[at] == '\t')) ++at;
      std::string field;
      if (at < text.size() && text[at] == '"') {
        const size_t opened = line;
        for (++at;; ++at) {
          if (at >= text.size())
            throw Error(name + " line " + std::to_string(opened) + ": a quote is opened and never closed",
                        "close it, or double a quote that belongs to the text");
          if (text[at] == '"' && at + 1 < text.size() && text[at + 1] == '"')
            ++at;
          else if (text[at] == '"')
            break;
          line += text[at] == '\n';
          field += text[at];
        }
        ++at;
      }
      const size_t rest = at;
      while (at < text.size() && text[at] != separator && text[at] != '\n') ++at;
      const std::string tail = trim_field(text.substr(rest, at - rest));
      row.fields.push_back(field.empty() ? tail : field + tail);
      more = at < text.size() && text[at] == separator;
      if (at < text.size()) ++at;
    }
    ++line;
    while (!row.fields.empty() && row.fields.back().empty()) row.fields.pop_back();
    if (!row.fields.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

CsvTable::CsvTable(const std::filesystem::path& file, std::span<const CsvColumn> columns) {
  const std::string text = read_text(file), name = file.string();
  const auto [stated, skipped] = stated_separator(text);
  const std::string_view body = std::string_view(text).substr(skipped);
  const std::string candidates = stated != 0 ? std::string(1, stated) : ",;\t|";
  size_t header_rows = 0;  // with the comments above it
  for (const char candidate : candidates) {
    auto rows = parse_csv(body, candidate, name, kRowsLookedAt);
    for (size_t i = 0; i < rows.size(); ++i) {
      std::string& first = rows[i].fields.front();
      const bool comment = first.starts_with('#');
      if (comment) first.erase(0, 1);
      const auto found = match_columns(rows[i].fields, columns);
      if (has_required(found, columns) && (!has_header_ || found.size() > columns_.size())) {
        has_header_ = true;
        separator_ = candidate;
        columns_ = found;
        first_ = rows[i].fields;
        header_rows = i + 1;
      }
      if (!comment) break;  // only comments stand above a header
    }
  }
  if (!has_header_) separator_ = likely_separator(body, candidates, name);
  rows_ = parse_csv(body, separator_, name);
  if (skipped > 0)
    for (auto& row : rows_) ++row.line;
  if (!has_header_ && !rows_.empty()) {
    const auto first = std::find_if_not(rows_.begin(), rows_.end(), is_comment);
    first_ = (first == rows_.end() ? rows_.begin() : first)->fields;
  }
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<int64_t>(header_rows));
  if (!has_header_) return;
  for (const auto& row : rows_)
    if (row.fields.size() > first_.size() && !row.fields.front().starts_with('#'))
      throw Error(name + " line " + std::to_string(row.line) + ": " + std::to_string(row.fields.size()) +
                      " fields, the header has " + std::to_string(first_.size()),
                  "put names that hold a separator into quotes");
}

std::string CsvTable::field(const CsvRow& row, const std::string& column) const {
  const auto at = columns_.find(column);
  return at == columns_.end() || at->second >= row.fields.size() ? "" : row.fields[at->second];
}

std::string CsvTable::title(const std::string& column) const {
  const auto at = columns_.find(column);
  return at == columns_.end() || at->second >= first_.size() ? "" : first_[at->second];
}

std::string CsvTable::describe() const {
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(first_.size(), 8); ++i)
    text += (text.empty() ? "'" : ", '") + to_utf8(first_[i].substr(0, 40)) + "'";
  const std::string separator = separator_ == '\t' ? "tabs" : std::string("'") + separator_ + "'";
  return first_.size() > 1 ? text + ", separated by " + separator : text;
}

}  // namespace fsfm
