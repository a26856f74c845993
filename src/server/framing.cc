#include "server/framing.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "base/text.h"
#include "server/problem.h"

namespace fsfm::server {
namespace {

// RFC 9110, section 5.6.2. "Content-Length " with a blank would be another field here and the same one elsewhere.
bool is_field_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

std::set<std::string> values_of(const httplib::Request& request, const char* name) {
  std::set<std::string> values;
  const auto [begin, end] = request.headers.equal_range(name);
  for (auto at = begin; at != end; ++at) values.insert(at->second);
  return values;
}

[[noreturn]] void ambiguous(const char* detail) { throw Problem(400, "bad-framing", detail); }

}  // namespace

Framing framing_of(const httplib::Request& request) {
  for (const auto& [name, value] : request.headers)
    if (!is_field_name(name)) ambiguous("a header field's name has characters that none may have");
  const auto lengths = values_of(request, "Content-Length"), codings = values_of(request, "Transfer-Encoding");
  if (!codings.empty()) {
    if (!lengths.empty()) ambiguous("send Content-Length or Transfer-Encoding, not both");
    if (request.get_header_value_count("Transfer-Encoding") > 1 || to_lower(*codings.begin()) != "chunked")
      ambiguous("the only Transfer-Encoding taken is chunked");
    return {.has_body = true};
  }
  if (lengths.empty()) return {};
  if (lengths.size() > 1) ambiguous("the request has two different Content-Lengths");
  const std::string& text = *lengths.begin();
  uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size()) ambiguous("Content-Length is no whole number");
  return {.has_body = length > 0, .length = length};
}

}  // namespace fsfm::server
