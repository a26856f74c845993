// JSON from strangers: bounded depth, no duplicate keys, errors that name the file.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace fsfm {

// Depth is limited to 64 (writers of nested JSON recurse), and a key that occurs twice in the outer object is refused
// (two readers could see two different documents). Throws Error "`name`: ..." with `hint` as the way out.
nlohmann::json parse_json(std::string_view text, const std::string& name, const std::string& hint);
// As above for one of many lines or records: a discarded value (no object, no array, ...) instead of an Error.
nlohmann::json parse_json_or_discard(std::string_view text);
// The JSON of `value`; bytes that are no UTF-8 (paths of older systems) become U+FFFD. `indent` < 0: on one line.
std::string json_text(const nlohmann::json& value, int indent = -1);

}  // namespace fsfm
