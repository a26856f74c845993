// /openapi.json, made of the table of routes.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "server/route.h"

namespace fsfm::server {

nlohmann::json openapi_document(const std::vector<Route>& routes);

}  // namespace fsfm::server
