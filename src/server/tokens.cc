#include "server/tokens.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/hash.h"
#include "server/clock.h"

namespace fsfm::server {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr std::string_view kPrefix = "fsfm_", kDigits = "0123456789abcdef";

}  // namespace

std::string_view role_name(Role role) {
  return role == Role::admin ? "admin" : role == Role::detect ? "detect" : "read";
}

Role parse_role(const std::string& name) {
  for (const Role role : {Role::read, Role::detect, Role::admin})
    if (name == role_name(role)) return role;
  throw Error("'" + name + "' is no role", "take one of read, detect, admin");
}

TokenStore::TokenStore(std::shared_ptr<Database> database) : database_(std::move(database)) {
  database_->run(
      "CREATE TABLE IF NOT EXISTS tokens (name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL, created TEXT "
      "NOT NULL)");
}

std::string TokenStore::add(const std::string& name, Role role) {
  std::array<unsigned char, kSecretBytes> random{};
  if (RAND_bytes(random.data(), random.size()) != 1) throw Error("the system gives no random numbers");
  std::string secret(kPrefix);
  for (const unsigned char byte : random) {
    secret += kDigits[byte >> 4];
    secret += kDigits[byte & 15];
  }
  keep(name, role, secret);
  return secret;
}

void TokenStore::add_known(const std::string& name, Role role, const std::string& secret) {
  if (!secret.starts_with(kPrefix) || secret.size() != kPrefix.size() + 2 * kSecretBytes ||
      secret.find_first_not_of(kDigits, kPrefix.size()) != std::string::npos)
    throw Error("this is no secret of a token", "give the line that fsfm serve token add printed elsewhere");
  if (const auto known = find(secret)) throw Error("this is the secret of the token '" + known->name + "' already");
  keep(name, role, secret);
}

void TokenStore::keep(const std::string& name, Role role, const std::string& secret) {
  const bool good = !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (!good) throw Error("'" + name + "' is no name for a token", "use letters, digits, '-', '_' and '.'");
  Transaction transaction(*database_);
  Statement known(*database_, "SELECT 1 FROM tokens WHERE name = ?");
  if (known.bind(1, name).step()) throw Error("there is a token '" + name + "' already", "revoke it first");
  Statement(*database_, "INSERT INTO tokens VALUES (?, ?, ?, ?)")
      .bind(1, name)
      .bind(2, role_name(role))
      .bind(3, sha256(secret))
      .bind(4, utc_now())
      .step();
  transaction.commit();
}

std::vector<Token> TokenStore::list() {
  std::vector<Token> tokens;
  Statement rows(*database_, "SELECT name, role, created FROM tokens ORDER BY name");
  while (rows.step()) tokens.push_back({rows.text(0), parse_role(rows.text(1)), rows.text(2)});
  return tokens;
}

bool TokenStore::revoke(const std::string& name) {
  Statement row(*database_, "DELETE FROM tokens WHERE name = ? RETURNING name");
  const bool known = row.bind(1, name).step();
  while (row.step()) {  // to its end: only there is the row gone from the disk, or an error thrown
  }
  return known;
}

bool TokenStore::empty() { return !Statement(*database_, "SELECT 1 FROM tokens LIMIT 1").step(); }

std::optional<Token> TokenStore::find(std::string_view secret) {
  const std::string asked = sha256(secret);
  std::optional<Token> found;
  Statement rows(*database_, "SELECT name, role, created, hash FROM tokens");
  while (rows.step()) {
    const std::string hash = rows.text(3);
    if (hash.size() == asked.size() && CRYPTO_memcmp(hash.data(), asked.data(), asked.size()) == 0)
      found = Token{rows.text(0), parse_role(rows.text(1)), rows.text(2)};
  }
  return found;
}

}  // namespace fsfm::server
