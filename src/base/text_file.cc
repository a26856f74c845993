#include "base/text_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fsfm {
namespace {

void append_utf8(std::string& out, uint32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string from_utf16(std::string_view bytes, bool big_endian) {
  std::string out;
  const auto unit = [&](size_t at) {
    const auto a = static_cast<unsigned char>(bytes[at]), b = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<uint32_t>(big_endian ? a << 8 | b : b << 8 | a);
  };
  for (size_t at = 0; at + 1 < bytes.size(); at += 2) {
    uint32_t code = unit(at);
    if (code >= 0xD800 && code < 0xDC00 && at + 3 < bytes.size() && unit(at + 2) >= 0xDC00 && unit(at + 2) < 0xE000) {
      code = 0x10000 + ((code - 0xD800) << 10) + (unit(at + 2) - 0xDC00);
      at += 2;
    } else if (code >= 0xD800 && code < 0xE000) {
      code = 0xFFFD;
    }
    append_utf8(out, code);
  }
  return out;
}

// UTF-16 without a mark: every second byte of its beginning is zero, the others are not.
std::optional<bool> unmarked_utf16_big_endian(std::string_view bytes) {
  const size_t n = std::min<size_t>(bytes.size() / 2, 32);
  if (n < 4) return std::nullopt;
  size_t even = 0, odd = 0;
  for (size_t i = 0; i < n; ++i) {
    even += bytes[2 * i] == '\0';
    odd += bytes[2 * i + 1] == '\0';
  }
  if (even == 0 && odd == n) return false;
  if (odd == 0 && even == n) return true;
  return std::nullopt;
}

// What a file that is no text is, with the way to the text that is wanted.
std::optional<std::pair<const char*, const char*>> kind_of_binary(std::string_view bytes) {
  using namespace std::string_view_literals;
  constexpr const char* kSaveAsCsv = "open it and save it as CSV (UTF-8)";
  const auto begins = [&](std::string_view magic) { return bytes.starts_with(magic); };
  const std::string_view start = bytes.substr(0, 4096);
  const auto names = [&](std::string_view word) { return start.find(word) != std::string_view::npos; };
  if (begins("PK\3\4")) {
    if (names("opendocument.spreadsheet")) return {{"an OpenDocument spreadsheet", kSaveAsCsv}};
    if (names("xl/") || names("[Content_Types].xml")) return {{"an Excel workbook", kSaveAsCsv}};
    return {{"a zip archive", "unpack it and name the table in it"}};
  }
  if (begins("\xD0\xCF\x11\xE0")) return {{"an Excel workbook of the old form", kSaveAsCsv}};
  if (begins("\x1F\x8B") || begins("BZh") || begins("\xFD\x37zXZ") || begins("\x28\xB5\x2F\xFD"))
    return {{"a compressed file", "unpack it first"}};
  if (bytes.size() > 262 && bytes.substr(257, 5) == "ustar") return {{"a tar archive", "unpack it first"}};
  if (begins("\xFF\xD8\xFF") || begins("\x89PNG") || begins("GIF8") || begins("RIFF"))
    return {{"a picture or video", "name the list itself"}};
  if (begins("%PDF")) return {{"a PDF document", "copy its table into a CSV file"}};
  if (begins("{\\rtf")) return {{"a rich text document", "save it as plain text"}};
  if (begins("PAR1")) return {{"a Parquet table", "write it as CSV"}};
  const std::string low = to_lower(trim(bytes.substr(0, 256)));
  if (low.starts_with("<!doctype html") || low.starts_with("<html"))
    return {{"a web page", "download the file itself"}};
  if (bytes.substr(0, 1 << 16).find('\0') != std::string_view::npos) return {{"no text", "name a text file"}};
  return std::nullopt;
}

// Windows-1252 for Latin-1 is near enough for file names.
std::string latin1_to_utf8(std::string_view text) {
  std::string out;
  for (const char c : text) append_utf8(out, static_cast<unsigned char>(c));
  return out;
}

std::optional<std::string> utf8_to_latin1(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text.substr(at));
    const auto lead = static_cast<unsigned char>(text[at]);
    if (length == 1) {
      out += text[at];
    } else if (length == 2 && lead <= 0xC3) {
      out += static_cast<char>((lead & 3) << 6 | (static_cast<unsigned char>(text[at + 1]) & 0x3F));
    } else {
      return std::nullopt;
    }
    at += length;
  }
  return out;
}

}  // namespace

std::string decode_text(std::string bytes, const std::string& name) {
  const std::string_view all = bytes;
  std::string text;
  if (all.starts_with(std::string_view("\xFF\xFE\0\0", 4)) || all.starts_with(std::string_view("\0\0\xFE\xFF", 4)))
    throw Error(name + " is UTF-32 text", "save it as UTF-8");
  if (all.starts_with("\xEF\xBB\xBF"))
    text = bytes.substr(3);
  else if (all.starts_with("\xFF\xFE") || all.starts_with("\xFE\xFF"))
    text = from_utf16(all.substr(2), all[0] == '\xFE');
  else if (const auto big_endian = unmarked_utf16_big_endian(all))
    text = from_utf16(all, *big_endian);
  else
    text = std::move(bytes);
  if (const auto kind = kind_of_binary(text)) throw Error(name + " is " + kind->first, kind->second);
  size_t end = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool is_return = text[at] == '\r';
    if (is_return && at + 1 < text.size() && text[at + 1] == '\n') continue;
    text[end++] = is_return ? '\n' : text[at];
  }
  text.resize(end);
  return text;
}

std::string read_text(const fs::path& file, uint64_t max_bytes) {
  return decode_text(read_file(file, max_bytes), file.string());
}

std::vector<std::string> read_text_lines(const fs::path& file) {
  std::vector<std::string> lines;
  for (const auto& line : split(read_text(file), '\n'))
    if (std::string text = trim(line); !text.empty()) lines.push_back(std::move(text));
  return lines;
}

ListedPath find_listed(const std::string& written, const std::vector<fs::path>& folders) {
  std::string slashed = written;
  std::replace(slashed.begin(), slashed.end(), '\\', '/');
  std::vector<std::string> spellings = {written, slashed};
  for (const std::string& text : {written, slashed}) {
    if (to_utf8(text) != text)
      spellings.push_back(latin1_to_utf8(text));
    else if (const auto latin1 = utf8_to_latin1(text); latin1 && *latin1 != text)
      spellings.push_back(*latin1);
  }
  std::error_code ignored;
  for (const auto& spelling : spellings)
    for (const auto& folder : folders)
      if (fs::exists(folder / spelling, ignored)) return {folder / spelling, spelling, true};
  return {folders.front() / slashed, slashed, false};
}

}  // namespace fsfm
