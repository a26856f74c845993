// Text that is safe inside HTML and SVG.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace fsfm::report {

// Escapes & < > " ', drops control characters (but newline and tab) and replaces malformed UTF-8 by U+FFFD, so that no
// file name can break out of an element or an attribute.
std::string escape(std::string_view text);

// "data:MIME;base64,..."; mime is ours, never the user's.
std::string data_uri(std::span<const std::byte> bytes, std::string_view mime);

// A figure as people write it: up to `digits` significant digits, no trailing zeros, "–" for NaN.
std::string format_number(double value, int digits = 4);
// 0.9144 -> "91.4 %".
std::string format_percent(double share, int decimals = 1);

}  // namespace fsfm::report
