#include "server/problem.h"

#include "tensorio/json.h"

namespace fsfm::server {

const char* status_title(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Error";
  }
}

std::string problem_json(const Problem& problem, const std::string& request_id) {
  return json_text({{"type", "urn:fsfm:problem:" + problem.type()},
                    {"title", status_title(problem.status())},
                    {"status", problem.status()},
                    {"detail", problem.what()},
                    {"instance", "urn:fsfm:request:" + request_id}});
}

}  // namespace fsfm::server
