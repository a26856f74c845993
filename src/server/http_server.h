// The doors: HTTP or HTTPS, who may pass, and what every answer carries.
#pragma once

#include <httplib.h>

#include <memory>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "server/jobs.h"
#include "server/problem.h"
#include "server/route.h"
#include "server/service.h"

namespace fsfm::server {

class HttpServer {
 public:
  // Binds at once. Throws Error: an address in use, a certificate that cannot be read, an address beyond loopback
  // without tokens.
  HttpServer(Service& service, Jobs& jobs);
  int port() const { return port_; }
  // Serves until stop(); returns when the last answer is sent.
  void run();
  // Requests that are being answered are answered to the end; bodies still on their way are not waited for.
  // Thread-safe.
  void stop();

 private:
  void add(const Route& route);
  void add_page();
  void add_refusals();
  void add_path(const std::string& pattern, const std::string& method);
  std::string methods_of(const std::string& path) const;  // "GET, POST"; "" for a path that is none
  // What no handler may see, before the library reads a body for it: true when the answer stands.
  bool turn_away(const httplib::Request& request, httplib::Response& response);
  void refuse(const httplib::Request& request, httplib::Response& response, const Problem& problem);
  Problem no_such(const httplib::Request& request, httplib::Response& response) const;  // 404, or 405 with Allow
  void throw_away(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader* body,
                  const Connection& connection);
  void end_connection(const Connection& connection, const httplib::Response& response) const;
  void answer(const Route& route, const httplib::Request& request, httplib::Response& response,
              const httplib::ContentReader* body);
  void admit(const Route& route, Call& call);
  void require_same_site(const httplib::Request& request) const;

  Service& service_;
  Jobs& jobs_;
  const bool open_to_all_;  // no tokens when it started: revoking the last one later does not open it
  std::vector<Route> routes_;
  std::vector<std::pair<std::regex, std::string>> paths_;  // all that is served, with its methods
  const size_t most_body_;
  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
};

// "127.0.0.1", "::1", "localhost".
bool is_loopback(const std::string& host);

}  // namespace fsfm::server
