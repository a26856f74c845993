// Reading and checking the fields of a network's description.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>

#include "base/error.h"

namespace fsfm {

// Reads json[key] into `value` if it is there. Throws Error when it has another type.
template <class T>
void read_field(const nlohmann::json& json, const char* key, T& value) {
  const auto it = json.find(key);
  if (it == json.end()) return;
  const bool fits = std::is_same_v<T, std::string> ? it->is_string()
                    : std::is_same_v<T, bool>      ? it->is_boolean()
                    : std::is_same_v<T, int>       ? it->is_number_integer()
                                                   : it->is_number();
  if (!fits) throw Error(std::string("model configuration: '") + key + "' has the wrong type: " + it->dump());
  value = it->template get<T>();
}

// Throw Error naming the field when `value` lies outside low..high, and when `heads` do not divide the width.
void check_range(const char* name, long long value, long long low, long long high);
void check_heads(const char* name, int dim, int heads);

}  // namespace fsfm
