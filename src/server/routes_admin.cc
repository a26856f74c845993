// What the service says of itself, of its model and of what it judged.
#include <memory>

#include "base/error.h"
#include "server/problem.h"
#include "server/route.h"
#include "tensorio/json.h"

namespace fsfm::server {
namespace {

using nlohmann::json;

void health(Call& call) {
  call.answer({{"status", call.service.draining ? "draining" : "ok"},
               {"queue_depth", call.service.scheduler.depth()},
               {"workers", call.service.scheduler.workers()},
               {"busy", call.service.scheduler.busy()},
               {"version", FSFM_VERSION}});
}

void ready(Call& call) {
  if (call.service.draining || !call.service.scheduler.ready())
    throw Problem(503, "not-ready", call.service.draining ? "the server is being stopped" : "no worker is up", 2);
  call.answer({{"status", "ready"}});
}

void models(Call& call) {
  const json hello = call.service.scheduler.model();
  call.answer({{"models", json::array({{{"header", hello.at("header")},
                                        {"sha256", hello.at("sha256")},
                                        {"card", hello.at("card")},
                                        {"parser", hello.at("parser")}}})}});
}

void reload(Call& call) {
  try {
    call.service.scheduler.reload();
  } catch (const Error& error) {
    throw Problem(422, "bad-model", std::string(error.what()) + "; the old model goes on");
  }
  call.service.log("model loaded anew");
  models(call);
}

void history(Call& call) {
  const auto limit = static_cast<int>(integer_parameter(call, "limit", 50, 1, 500));
  json rows = json::array();
  for (const AuditRow& row :
       call.service.audit.find(call.parameter("search"), limit, integer_parameter(call, "before", 0, 0, INT64_MAX))) {
    json entry = to_json(row);
    const json result = parse_json_or_discard(row.result);
    entry["file"] = result.is_object() ? result.value("file", "") : "";
    rows.push_back(std::move(entry));
  }
  call.answer({{"rows", rows}});
}

void history_row(Call& call) {
  int64_t id = 0;
  try {
    id = std::stoll(call.path_part(0));
  } catch (const std::exception&) {
  }
  const auto row = call.service.audit.by_id(id);
  if (!row) throw Problem(404, "no-such-row", "there is no row of this number; it may have passed its retention");
  json entry = to_json(*row);
  entry["result"] = parse_json_or_discard(row->result);
  call.answer(entry);
}

void audit(Call& call) {
  const std::string format = call.parameter("format", "jsonl");
  if (format != "jsonl" && format != "csv") throw Problem(400, "bad-request", "format must be jsonl or csv");
  const bool csv = format == "csv";
  std::string text = csv ? csv_header() : "";
  call.service.audit.for_each([&](const AuditRow& row) { text += csv ? to_csv(row) : json_text(to_json(row)) + "\n"; });
  call.response.set_header("Content-Disposition", "attachment; filename=\"fsfm-audit." + format + "\"");
  call.response.set_content(text, csv ? "text/csv; charset=utf-8" : "application/jsonl");
}

void verify(Call& call) {
  const std::string problem = call.service.audit.verify();
  call.answer({{"intact", problem.empty()}, {"problem", problem.empty() ? json() : json(problem)}});
}

}  // namespace

void Call::answer(const json& value, int status) const {
  response.status = status;
  response.set_content(json_text(value), "application/json");
}

std::vector<Route> admin_routes() {
  return {
      {"GET", "/health", std::nullopt, "Alive; always 200", {}, false, "Health", {}, health},
      {"GET", "/ready", std::nullopt, "200 once warm, 503 while draining", {}, false, "Ready", {503}, ready},
      {"GET",
       "/metrics",
       Role::read,
       "Counters for Prometheus",
       {},
       false,
       "text/plain",
       {},
       [](Call& call) { call.response.set_content(call.service.metrics.text(), "text/plain; version=0.0.4"); }},
      {"GET", "/v1/models", Role::read, "The model that judges, with its card", {}, false, "Models", {}, models},
      {"POST",
       "/v1/models/reload",
       Role::admin,
       "Load the model's file anew, check it, change over",
       {},
       false,
       "Models",
       {422},
       reload},
      {"GET",
       "/v1/history",
       Role::read,
       "What was judged, newest first",
       {{"search", "string", "part of a file's name, a hash, a verdict, a request id, a token, a time"},
        {"limit", "integer", "rows, 50 unless told"},
        {"before", "integer", "only rows with a smaller id"}},
       false,
       "History",
       {400},
       history},
      {"GET", "/v1/history/{id}", Role::read, "One row with its verdict", {}, false, "HistoryRow", {404}, history_row},
      {"GET",
       "/v1/audit",
       Role::admin,
       "The whole audit trail",
       {{"format", "string", "jsonl (default) or csv"}},
       false,
       "application/jsonl",
       {400},
       audit},
      {"GET", "/v1/audit/verify", Role::admin, "Is the chain of rows whole?", {}, false, "AuditCheck", {}, verify},
  };
}

std::vector<Route> all_routes() {
  std::vector<Route> routes;
  for (auto&& part : {judge_routes(), job_routes(), admin_routes()})
    routes.insert(routes.end(), part.begin(), part.end());
  return routes;
}

}  // namespace fsfm::server
