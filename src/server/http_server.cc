#include "server/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <spdlog/fmt/fmt.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "server/assets.h"
#include "server/connection_pool.h"
#include "server/framing.h"
#include "server/openapi.h"
#include "server/problem.h"
#include "server/random_id.h"
#include "server/upload.h"
#include "tensorio/json.h"

namespace fsfm::server {
namespace {

// No inline script or style, nothing from elsewhere; blob: and data: are pictures the page itself makes.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr double kThrowAwaySeconds = 5;

std::string request_id_of(const httplib::Request& request) {
  const std::string given = request.get_header_value("X-Request-Id");
  const bool good = !given.empty() && given.size() <= 64 &&
                    std::all_of(given.begin(), given.end(),
                                [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; });
  return good ? given : random_id();
}

// "/v1/jobs/{id}/events" as the library takes it.
std::string pattern_of(const std::string& path) {
  std::string pattern;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '{') {
      pattern += "([A-Za-z0-9]+)";
      i = path.find('}', i);
    } else {
      pattern += path[i] == '.' ? "\\." : std::string(1, path[i]);
    }
  }
  return pattern;
}

// "127.0.0.1:8080" -> "127.0.0.1", "[::1]:8080" -> "::1".
std::string host_name(const std::string& host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.rfind(':'));
}

void set_problem(httplib::Response& response, const Problem& problem, const std::string& request_id) {
  response.status = problem.status();
  if (problem.retry_after() > 0) response.set_header("Retry-After", std::to_string(problem.retry_after()));
  if (problem.status() == 401) response.set_header("WWW-Authenticate", "Bearer realm=\"fsfm\"");
  response.set_content(problem_json(problem, request_id), kProblemType);
}

// What the library would have written to the socket.
std::string raw_answer(const httplib::Response& response) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n",
                                 response.status, status_title(response.status));
  for (const auto& [name, value] : response.headers) text += fmt::format("{}: {}\r\n", name, value);
  return text + fmt::format("Content-Length: {}\r\n\r\n{}", response.body.size(), response.body);
}

// OpenSSL asks for the password of a locked key at the terminal, where a service has nobody.
bool opens_without_password(const std::filesystem::path& key) {
  const std::unique_ptr<BIO, int (*)(BIO*)> file(::BIO_new_file(key.c_str(), "r"), ::BIO_free);
  if (!file) return false;
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> read(
      ::PEM_read_bio_PrivateKey(
          file.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr),
      ::EVP_PKEY_free);
  return read != nullptr;
}

std::unique_ptr<httplib::Server> make_server(const ServeOptions& options) {
  if (options.tls_cert.empty() != options.tls_key.empty())
    throw Error("TLS takes a certificate and its key", "give both --tls-cert and --tls-key");
  if (options.tls_cert.empty()) return std::make_unique<httplib::Server>();
  if (!opens_without_password(options.tls_key))
    throw Error("cannot read the key " + options.tls_key.string(),
                "it must be a PEM file without a password: openssl pkey -in KEY -out OPEN_KEY");
  auto server = std::make_unique<httplib::SSLServer>(options.tls_cert.c_str(), options.tls_key.c_str());
  if (!server->is_valid())
    throw Error("cannot use the certificate " + options.tls_cert.string() + " with the key " + options.tls_key.string(),
                "both must be PEM files and belong together");
  return server;
}

}  // namespace

bool is_loopback(const std::string& host) {
  in_addr address{};  // parsed: "127.evil.example" is somebody's name
  return host == "localhost" || host == "::1" ||
         (::inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127);
}

HttpServer::HttpServer(Service& service, Jobs& jobs)
    : service_(service),
      jobs_(jobs),
      open_to_all_(service.tokens.empty()),
      routes_(all_routes()),
      most_body_(static_cast<size_t>(
          std::max(service.options.max_video_bytes, service.options.max_picture_bytes * service.options.max_files) +
          (1 << 20))),
      server_(make_server(service.options)) {
  const ServeOptions& options = service.options;
  if (!is_loopback(options.host) && service.tokens.empty() && !options.insecure)
    throw Error(fmt::format("--host {} would let strangers in: there are no tokens", options.host),
                "make one with fsfm serve token add NAME --role detect, or say --insecure");
  server_->new_task_queue = [&options] { return new ConnectionPool(static_cast<size_t>(options.connections)); };
  server_->set_read_timeout(10);
  server_->set_write_timeout(10);
  server_->set_keep_alive_timeout(5);
  server_->set_keep_alive_max_count(10000);
  server_->set_tcp_nodelay(true);
  server_->set_payload_max_length(most_body_);
  // Not SO_REUSEPORT, the library's choice: a second server on this port is a mistake that must be seen.
  int listener = -1;
  server_->set_socket_options([&listener](int socket) {
    listener = socket;
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server_->set_default_headers({{"Content-Security-Policy", kPolicy},
                                {"X-Content-Type-Options", "nosniff"},
                                {"X-Frame-Options", "DENY"},
                                {"Referrer-Policy", "no-referrer"},
                                {"Cross-Origin-Opener-Policy", "same-origin"},
                                {"Cross-Origin-Resource-Policy", "same-origin"},
                                {"Permissions-Policy", "camera=(self), microphone=(), geolocation=()"},
                                {"Cache-Control", "no-store"}});
  if (!options.tls_cert.empty())
    server_->set_post_routing_handler([](const httplib::Request&, httplib::Response& response) {
      response.set_header("Strict-Transport-Security", "max-age=31536000");
    });
  server_->set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    // Every answer is whole: parts named a thousand times in one Range would multiply it. The request is the library's
    // own and not const where it lives.
    const_cast<httplib::Request&>(request).ranges.clear();
    return turn_away(request, response) ? httplib::Server::HandlerResponse::Handled
                                        : httplib::Server::HandlerResponse::Unhandled;
  });
  // What the library refuses by itself: no such path, a body beyond every limit, a request it cannot parse.
  server_->set_error_handler([this](const httplib::Request& request, httplib::Response& response) {
    if (!response.body.empty()) return;
    const int status = response.status;
    refuse(request, response,
           status == 404   ? no_such(request, response)
           : status == 413 ? Problem(413, "too-large", "the request is larger than this server takes")
                           : Problem(status, "bad-request", "the request cannot be read"));
  });
  for (const Route& route : routes_) add(route);
  add_page();
  add_refusals();
  port_ = options.port;
  if (options.port == 0)
    port_ = server_->bind_to_any_port(options.host);
  else if (!server_->bind_to_port(options.host, options.port))
    port_ = -1;
  if (port_ < 0)
    throw Error(fmt::format("cannot listen on {}:{}", options.host, options.port),
                "another program may use it: name another --port");
  // The library lets five connections wait to be taken up; the kernel resets what comes beyond, where a client should
  // have got its 429.
  ::listen(listener, SOMAXCONN);
  server_->set_socket_options(nullptr);
}

void HttpServer::add_path(const std::string& pattern, const std::string& method) {
  paths_.emplace_back(std::regex(pattern), method);
}

std::string HttpServer::methods_of(const std::string& path) const {
  std::string methods;
  for (const auto& [pattern, method] : paths_)
    if (std::regex_match(path, pattern)) methods += (methods.empty() ? "" : ", ") + method;
  return methods;
}

void HttpServer::refuse(const httplib::Request& request, httplib::Response& response, const Problem& problem) {
  const std::string id = request_id_of(request);
  response.set_header("X-Request-Id", id);
  set_problem(response, problem, id);
  service_.metrics.count("fsfm_requests_total", fmt::format("route=\"\",code=\"{}\"", problem.status()));
}

Problem HttpServer::no_such(const httplib::Request& request, httplib::Response& response) const {
  const std::string methods = methods_of(request.path);
  if (methods.empty()) return {404, "not-found", "there is nothing at this path; see /openapi.json"};
  response.set_header("Allow", methods);
  return {405, "method", "this path takes " + methods + "; see /openapi.json"};
}

bool HttpServer::turn_away(const httplib::Request& request, httplib::Response& response) {
  bool to_be_read = true;  // where it is not known how much, the connection ends
  try {
    const Framing framing = framing_of(request);
    to_be_read = framing.has_body;
    const auto& method = request.method;
    const bool has_reader = method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
    if (!has_reader && (to_be_read || method == "PRI")) throw Problem(400, "body", method + " takes no body");
    if (framing.length.value_or(0) > most_body_)
      throw Problem(413, "too-large", "the request is larger than this server takes; send fewer or smaller files");
    return false;
  } catch (const Problem& problem) {
    refuse(request, response, problem);
  }
  if (to_be_read) end_connection(Connection(request.remote_addr, request.remote_port), response);
  return true;
}

void HttpServer::end_connection(const Connection& connection, const httplib::Response& response) const {
  connection.end_with(service_.options.tls_cert.empty() ? raw_answer(response) : "");
}

// What is left of a body must not be taken for a next request: it is read and thrown away. Where it is too long for
// that, or no body that the library can read (then `body` is null), the connection ends with the answer.
void HttpServer::throw_away(const httplib::Request& request, httplib::Response& response,
                            const httplib::ContentReader* body, const Connection& connection) {
  const int status = response.status;  // the library writes what it thinks of the body over it
  size_t thrown_away = 0;
  auto more = [&](const char*, size_t n) { return (thrown_away += n) < kMostThrownAway; };
  bool whole = false;
  if (body != nullptr) {
    const ReadDeadlines::Guard deadline(service_.deadlines, connection, kThrowAwaySeconds);
    whole = request.is_multipart_form_data() ? (*body)([](const httplib::MultipartFormData&) { return true; }, more)
                                             : (*body)(more);
  }
  response.status = status;
  if (!whole) end_connection(connection, response);
}

void HttpServer::add(const Route& route) {
  const std::string pattern = pattern_of(route.path);
  add_path(pattern, route.method);
  // With a reader also where no body is taken: without one the library collects it in memory, and where its length is
  // not said waits for its end.
  auto with_body = [this, &route](const httplib::Request& request, httplib::Response& response,
                                  const httplib::ContentReader& body) { answer(route, request, response, &body); };
  if (route.method == "GET")
    server_->Get(pattern, [this, &route](const httplib::Request& request, httplib::Response& response) {
      answer(route, request, response, nullptr);
    });
  else if (route.method == "DELETE")
    server_->Delete(pattern, with_body);
  else
    server_->Post(pattern, with_body);
}

void HttpServer::add_page() {
  for (const Asset& asset : assets()) {
    auto give = [asset](const httplib::Request&, httplib::Response& response) {
      response.set_content(asset.bytes.data(), asset.bytes.size(), std::string(asset.type));
    };
    server_->Get(pattern_of(std::string(asset.path)), give);
    add_path(pattern_of(std::string(asset.path)), "GET");
    if (asset.path == "/index.html") server_->Get("/", give);
  }
  for (const char* path : {"/", "/openapi\\.json"}) add_path(path, "GET");
  server_->Get("/openapi\\.json",
               [text = json_text(openapi_document(routes_))](const httplib::Request&, httplib::Response& response) {
                 response.set_content(text, "application/json");
               });
}

// What nobody else took, where the library would first collect the body in memory.
void HttpServer::add_refusals() {
  auto refuse_it = [this](const httplib::Request& request, httplib::Response& response,
                          const httplib::ContentReader& body) {
    refuse(request, response, no_such(request, response));
    if (framing_of(request).has_body)
      throw_away(request, response, &body, Connection(request.remote_addr, request.remote_port));
  };
  server_->Post(".*", refuse_it);
  server_->Put(".*", refuse_it);
  server_->Patch(".*", refuse_it);
  server_->Delete(".*", refuse_it);
}

// A page of another site can make a browser send requests here, with an address of its own that leads to this machine.
void HttpServer::require_same_site(const httplib::Request& request) const {
  const std::string host = request.get_header_value("Host");
  if (is_loopback(service_.options.host) && !is_loopback(host_name(host)) && open_to_all_ && service_.tokens.empty())
    throw Problem(421, "wrong-host", "this server answers to localhost alone; a proxy in front of it needs tokens");
  const std::string origin = request.get_header_value("Origin");
  if (!origin.empty() && origin != "http://" + host && origin != "https://" + host)
    throw Problem(403, "other-site", "requests of other sites' pages are refused");
  const std::string site = request.get_header_value("Sec-Fetch-Site");
  if (site == "cross-site" || site == "same-site")
    throw Problem(403, "other-site", "requests of other sites are refused");
}

void HttpServer::admit(const Route& route, Call& call) {
  if (!route.role) return;
  require_same_site(call.request);
  const std::string header = call.request.get_header_value("Authorization");
  if (header.empty() && open_to_all_ && service_.tokens.empty()) {
    call.role = Role::admin;  // on loopback or as --insecure says
  } else {
    const auto token = header.starts_with("Bearer ") ? service_.tokens.find(std::string_view(header).substr(7))
                                                     : std::optional<Token>();
    if (!token) throw Problem(401, "no-token", "send a token of this server: Authorization: Bearer fsfm_...");
    call.role = token->role;
    call.caller.token = token->name;
  }
  if (call.role < *route.role)
    throw Problem(403, "role", fmt::format("this takes a token of the role {}", role_name(*route.role)));
  if (const int wait = service_.rate.take(call.caller.token))
    throw Problem(429, "rate", "this token asks too often", wait);
}

void HttpServer::answer(const Route& route, const httplib::Request& request, httplib::Response& response,
                        const httplib::ContentReader* body) {
  const auto start = Clock::now();
  Call call{request,    response,
            body,       service_,
            jobs_,      {request_id_of(request), ""},
            Role::read, Connection(request.remote_addr, request.remote_port)};
  response.set_header("X-Request-Id", call.caller.request_id);
  try {
    admit(route, call);
    if (route.takes_media && service_.draining)
      throw Problem(503, "draining", "the server is being stopped; ask another, or later", 5);
    route.handle(call);
    if (response.status < 0) response.status = route.status;
  } catch (const Problem& problem) {
    set_problem(response, problem, call.caller.request_id);
  } catch (const std::exception& error) {
    service_.log(fmt::format("{} failed: {}", call.caller.request_id, error.what()));
    set_problem(response, Problem(500, "internal", "a fault of the server; its log names this request"),
                call.caller.request_id);
  }
  if (framing_of(request).has_body && !call.body_read)
    throw_away(request, response, call.body_begun ? nullptr : body, call.connection);
  service_.metrics.count("fsfm_requests_total", fmt::format("route=\"{}\",code=\"{}\"", route.path, response.status));
  service_.metrics.observe("fsfm_request_seconds", seconds_since(start));
  if (route.role || response.status >= 400)  // probes would drown the rest
    service_.log(fmt::format("{} {} {} {} {:.0f} ms{}", call.caller.request_id, route.method, route.path,
                             response.status, seconds_since(start) * 1000,
                             call.caller.token.empty() ? "" : " token " + call.caller.token));
}

void HttpServer::run() { server_->listen_after_bind(); }
void HttpServer::stop() {
  service_.deadlines.pass_all();
  server_->stop();
}

}  // namespace fsfm::server
