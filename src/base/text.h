// Small text helpers: splitting, number formats, nearest name for "did you mean".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fsfm {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string to_lower(std::string_view text);
std::string trim(std::string_view text);
// The candidate with the smallest edit distance to `word`, or "" if none is near (distance > 1/3 of the length + 1).
std::string nearest_name(std::string_view word, std::span<const std::string> candidates);
// Length of the well-formed UTF-8 sequence at the start of `text` (not empty), 0 when it is malformed (overlong,
// surrogate, cut off).
size_t utf8_length(std::string_view text);
// Bytes that are no UTF-8 (file names of older systems) become "%E9"; everything else stays.
std::string to_utf8(std::string_view text);
// On one line and without effect on a terminal: every control character becomes a space; trimmed.
std::string one_line(std::string_view text);
// 1234567 -> "1,234,567".
std::string with_thousands(long long value);
// 1536 -> "1.5 KiB".
std::string format_bytes(double bytes);

}  // namespace fsfm
