// Does a document fit its schema? As much of JSON Schema as /openapi.json uses.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace fsfm::test {

// "" or what does not fit, with its place. `all`: the whole OpenAPI document, for references.
inline std::string misfit(const nlohmann::json& value, const nlohmann::json& schema, const nlohmann::json& all,
                          const std::string& at = "$") {
  if (schema.contains("$ref")) {
    const std::string reference = schema["$ref"];
    return misfit(value, all.at(nlohmann::json::json_pointer(reference.substr(1))), all, at);
  }
  if (schema.value("nullable", false) && value.is_null()) return "";
  if (schema.contains("oneOf")) {
    int fits = 0;
    std::string why;
    for (const auto& each : schema["oneOf"]) {
      const std::string problem = misfit(value, each, all, at);
      fits += problem.empty();
      why += problem + "; ";
    }
    return fits == 1 ? "" : at + " fits " + std::to_string(fits) + " of its forms: " + why;
  }
  if (schema.contains("enum") && std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    return at + " is " + value.dump() + ", which is not listed";
  const std::string type = schema.value("type", "");
  const bool good = type.empty() || (type == "string" && value.is_string()) ||
                    (type == "integer" && value.is_number_integer()) || (type == "number" && value.is_number()) ||
                    (type == "boolean" && value.is_boolean()) || (type == "array" && value.is_array()) ||
                    (type == "object" && value.is_object());
  if (!good) return at + " is no " + type + ": " + value.dump().substr(0, 80);
  for (const auto& name : schema.value("required", nlohmann::json::array()))
    if (!value.contains(name)) return at + " lacks " + name.get<std::string>();
  const auto properties = schema.value("properties", nlohmann::json::object());
  for (const auto& [name, inner] : properties.items())
    if (value.contains(name))
      if (auto problem = misfit(value[name], inner, all, at + "." + name); !problem.empty()) return problem;
  if (schema.contains("additionalProperties") && value.is_object())
    for (const auto& [name, inner] : value.items())
      if (auto problem = misfit(inner, schema["additionalProperties"], all, at + "." + name); !problem.empty())
        return problem;
  if (schema.contains("items"))
    for (size_t i = 0; i < value.size(); ++i)
      if (auto problem = misfit(value[i], schema["items"], all, at + "[" + std::to_string(i) + "]"); !problem.empty())
        return problem;
  return "";
}

}  // namespace fsfm::test
