#include "tensorio/json.h"

#include <set>

#include "base/error.h"

namespace fsfm {

namespace {

constexpr int kMaxDepth = 64;

// Without parsing: brackets outside of strings.
bool nests_too_deeply(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else
        in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& name, const std::string& hint) {
  using nlohmann::json;
  if (nests_too_deeply(text)) throw Error(name + ": its JSON is nested too deeply", hint);
  std::set<std::string> keys;
  auto check = [&](int depth, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::key && depth == 1 && !keys.insert(value.get<std::string>()).second)
      throw Error(name + ": the name '" + value.get<std::string>().substr(0, 80) + "' occurs twice in its JSON", hint);
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception&) {
    throw Error(name + ": not valid JSON", hint);
  }
}

nlohmann::json parse_json_or_discard(std::string_view text) {
  if (nests_too_deeply(text)) return nlohmann::json(nlohmann::json::value_t::discarded);
  return nlohmann::json::parse(text, nullptr, false);
}

std::string json_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace fsfm
