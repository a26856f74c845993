// What went wrong, as clients read it: RFC 9457 application/problem+json.
#pragma once

#include <stdexcept>
#include <string>

namespace fsfm::server {

// Thrown by handlers, turned into the answer at one place (http_server.cc).
// Immutable once thrown.
class Problem : public std::runtime_error {
 public:
  // `type`: a short word that stays ("too-large"); `detail`: a sentence with the way out. `retry_after`: seconds, 0 =
  // says nothing.
  Problem(int status, std::string type, const std::string& detail, int retry_after = 0)
      : std::runtime_error(detail), status_(status), type_(std::move(type)), retry_after_(retry_after) {}
  int status() const { return status_; }
  const std::string& type() const { return type_; }
  int retry_after() const { return retry_after_; }

 private:
  int status_;
  std::string type_;
  int retry_after_;
};

// The body. `request_id` goes in as `instance`.
std::string problem_json(const Problem& problem, const std::string& request_id);
// "Too Many Requests".
const char* status_title(int status);

inline constexpr const char* kProblemType = "application/problem+json";

}  // namespace fsfm::server
