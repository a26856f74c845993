// One table of routes: what is served, who may ask, and what /openapi.json says of it.
#pragma once

#include <httplib.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "server/connection.h"
#include "server/service.h"

namespace fsfm::server {

class Jobs;

// One request on its way.
struct Call {
  const httplib::Request& request;
  httplib::Response& response;
  const httplib::ContentReader* body;  // nullptr: the route takes none
  Service& service;
  Jobs& jobs;
  Caller caller;
  Role role = Role::read;
  Connection connection;
  bool body_begun = false, body_read = false;

  // A path's {id}: the n-th, from 0.
  std::string path_part(size_t n) const { return request.matches[n + 1].str(); }
  std::string parameter(const std::string& name, const std::string& missing = "") const {
    return request.has_param(name) ? request.get_param_value(name) : missing;
  }
  void answer(const nlohmann::json& json, int status = 200) const;
};

// Whole numbers and fractions from a query. Throws Problem naming the parameter and its range.
int64_t integer_parameter(const Call& call, const std::string& name, int64_t missing, int64_t low, int64_t high);
double number_parameter(const Call& call, const std::string& name, double missing, double low, double high);

struct Parameter {
  std::string name, type, description;  // type: string, integer, number
};

struct Route {
  std::string method, path;  // "/v1/jobs/{id}"
  std::optional<Role> role;  // nullopt: everybody
  std::string summary;
  std::vector<Parameter> parameters;
  bool takes_media = false;
  std::string answer;         // a schema of openapi.cc, or a media type where there is a '/'
  std::vector<int> problems;  // statuses besides 401, 403, 429 and 500
  std::function<void(Call&)> handle;
  int status = 200;  // of success
};

std::vector<Route> judge_routes();
std::vector<Route> job_routes();
std::vector<Route> admin_routes();
// All of them, the page's assets and /openapi.json aside.
std::vector<Route> all_routes();

}  // namespace fsfm::server
