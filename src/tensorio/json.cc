#include "tensorio/json.h"

#include <set>

#include "base/error.h"

namespace fsfm {

nlohmann::json parse_json(std::string_view text, const std::string& name, const std::string& hint) {
  using nlohmann::json;
  constexpr int kMaxDepth = 64;
  std::set<std::string> keys;
  auto check = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kMaxDepth) throw Error(name + ": its JSON is nested too deeply", hint);
    if (event == json::parse_event_t::key && depth == 1 && !keys.insert(value.get<std::string>()).second)
      throw Error(name + ": the name '" + value.get<std::string>() + "' occurs twice in its JSON", hint);
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception&) {
    throw Error(name + ": not valid JSON", hint);
  }
}

}  // namespace fsfm
