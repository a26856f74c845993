#include "server/openapi.h"

#include "base/text.h"
#include "server/problem.h"

namespace fsfm::server {
namespace {

using nlohmann::json;

json string_type() { return {{"type", "string"}}; }
json integer() { return {{"type", "integer"}}; }
json number() { return {{"type", "number"}}; }
json nullable(json type) {
  type["nullable"] = true;
  return type;
}
json list_of(json item) { return {{"type", "array"}, {"items", std::move(item)}}; }
json reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }
// All of `properties` are there, but for those that `optional` names.
json object(const json& properties, const std::vector<std::string>& optional = {}) {
  json required = json::array();
  for (const auto& [name, type] : properties.items())
    if (std::find(optional.begin(), optional.end(), name) == optional.end()) required.push_back(name);
  json schema{{"type", "object"}, {"properties", properties}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

json verdict_word() { return {{"type", "string"}, {"enum", {"real", "attack", "inconclusive"}}}; }

json schemas() {
  const json box = list_of(integer());
  const json explanation = object(
      {{"sentence", string_type()},
       {"regions", list_of(object({{"region", string_type()}, {"patches", list_of(integer())}, {"effect", number()}}))},
       {"grid", integer()},
       {"map", list_of(number())},
       {"place", box}});
  const json face = object({{"box", box},
                            {"crop", box},
                            {"detector_score", number()},
                            {"sharpness", number()},
                            {"yaw", number()},
                            {"score", number()},
                            {"per_class", {{"type", "object"}, {"additionalProperties", number()}}},
                            {"verdict", verdict_word()},
                            {"why", string_type()},
                            {"explanation", reference("Explanation")}},
                           {"explanation"});
  const json row = {{"id", integer()},
                    {"time", string_type()},
                    {"request_id", string_type()},
                    {"token", string_type()},
                    {"content_sha256", string_type()},
                    {"model_sha256", string_type()},
                    {"kind", string_type()},
                    {"verdict", string_type()},
                    {"score", nullable(number())},
                    {"faces", integer()},
                    {"hash", string_type()}};
  json history = row, full_row = row;
  history["file"] = string_type();
  full_row["result"] = {{"type", "object"}};
  return {
      {"Problem", object({{"type", string_type()},
                          {"title", string_type()},
                          {"status", integer()},
                          {"detail", string_type()},
                          {"instance", string_type()}})},
      {"Face", face},
      {"Explanation", explanation},
      {"Frame", object({{"index", integer()}, {"seconds", number()}, {"faces", list_of(reference("Face"))}})},
      {"Picture", object({{"file", string_type()},
                          {"kind", {{"type", "string"}, {"enum", {"picture"}}}},
                          {"faces", list_of(reference("Face"))}})},
      {"Video", object({{"file", string_type()},
                        {"kind", {{"type", "string"}, {"enum", {"video"}}}},
                        {"verdict", verdict_word()},
                        {"why", string_type()},
                        {"score", nullable(number())},
                        {"frames_looked_at", integer()},
                        {"frames_with_face", integer()},
                        {"frames_judged", integer()},
                        {"frames", list_of(reference("Frame"))}})},
      {"Failure", object({{"file", string_type()}, {"error", string_type()}})},
      {"VerdictDocument",
       object({{"schema", string_type()},
               {"model", string_type()},
               {"name", string_type()},
               {"classes", list_of(string_type())},
               {"attack_classes", list_of(string_type())},
               {"threshold", number()},
               {"results", list_of({{"oneOf", {reference("Picture"), reference("Video"), reference("Failure")}}})}})},
      {"Embedding",
       object({{"schema", string_type()},
               {"model", string_type()},
               {"model_sha256", string_type()},
               {"results",
                list_of(object({{"file", string_type()},
                                {"faces", list_of(object({{"box", box}, {"embedding", list_of(number())}}))}}))}})},
      {"Mask", object({{"grid", list_of(integer())},
                       {"masked", list_of(integer())},
                       {"region", list_of(integer())},
                       {"covered", nullable(string_type())},
                       {"present", list_of(string_type())},
                       {"plausible_face", {{"type", "boolean"}}},
                       {"sentence", string_type()},
                       {"face_png", string_type()},
                       {"parsing_png", string_type()},
                       {"masked_png", string_type()},
                       {"crop", box},
                       {"strategy", string_type()},
                       {"ratio", number()},
                       {"seed", integer()},
                       {"reconstruction", nullable(string_type())},
                       {"reconstruction_note", string_type()}})},
      {"Job", object({{"id", string_type()},
                      {"state", {{"type", "string"}, {"enum", {"queued", "running", "done", "cancelled"}}}},
                      {"done", integer()},
                      {"of", integer()},
                      {"frames_done", integer()},
                      {"frames_of", integer()},
                      {"version", integer()}})},
      {"Jobs", object({{"jobs", list_of(reference("Job"))}})},
      {"Health", object({{"status", string_type()},
                         {"queue_depth", integer()},
                         {"workers", integer()},
                         {"busy", integer()},
                         {"version", string_type()}})},
      {"Ready", object({{"status", string_type()}})},
      {"Models", object({{"models", list_of(object({{"header", {{"type", "object"}}},
                                                    {"sha256", string_type()},
                                                    {"card", {{"type", "object"}}},
                                                    {"parser", nullable(string_type())}}))}})},
      {"History", object({{"rows", list_of(object(history))}})},
      {"HistoryRow", object(full_row)},
      {"AuditCheck", object({{"intact", {{"type", "boolean"}}}, {"problem", nullable(string_type())}})},
  };
}

json operation(const Route& route) {
  json op{{"summary", route.summary}, {"parameters", json::array()}, {"responses", json::object()}};
  for (const auto& part : split(route.path, '/'))
    if (part.starts_with('{'))
      op["parameters"].push_back(
          {{"name", part.substr(1, part.size() - 2)}, {"in", "path"}, {"required", true}, {"schema", string_type()}});
  for (const Parameter& parameter : route.parameters)
    op["parameters"].push_back({{"name", parameter.name},
                                {"in", "query"},
                                {"description", parameter.description},
                                {"schema", {{"type", parameter.type}}}});
  if (route.takes_media) {
    const json file{{"type", "string"}, {"format", "binary"}};
    op["requestBody"] = {
        {"required", true},
        {"content",
         {{"application/octet-stream", {{"schema", file}}},
          {"multipart/form-data", {{"schema", {{"type", "object"}, {"properties", {{"file", list_of(file)}}}}}}}}}};
  }
  const bool is_json = route.answer.find('/') == std::string::npos;
  const json schema = is_json ? reference(route.answer) : string_type();
  op["responses"][std::to_string(route.status)] = {
      {"description", "done"}, {"content", {{is_json ? "application/json" : route.answer, {{"schema", schema}}}}}};
  std::vector<int> problems = route.problems;
  if (route.role) problems.insert(problems.end(), {400, 401, 403, 421, 429});
  problems.push_back(500);
  for (const int status : problems)
    op["responses"][std::to_string(status)] = {{"description", status_title(status)},
                                               {"content", {{kProblemType, {{"schema", reference("Problem")}}}}}};
  op["security"] = route.role ? json::array({{{"token", json::array()}}}) : json::array();
  return op;
}

}  // namespace

json openapi_document(const std::vector<Route>& routes) {
  json paths = json::object();
  for (const Route& route : routes) paths[route.path][to_lower(route.method)] = operation(route);
  return {{"openapi", "3.0.3"},
          {"info",
           {{"title", "fsfm"},
            {"version", FSFM_VERSION},
            {"description", "Is this face real? Verdicts are those of fsfm detect --json (fsfm.verdict/1)."}}},
          {"paths", paths},
          {"components",
           {{"schemas", schemas()}, {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
}

}  // namespace fsfm::server
