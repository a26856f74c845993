// Who may ask: named bearer tokens, of which only hashes are kept.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/database.h"

namespace fsfm::server {

// Each may do what those before it may.
enum class Role { read, detect, admin };
std::string_view role_name(Role role);
Role parse_role(const std::string& name);  // throws Error listing the names

struct Token {
  std::string name;
  Role role = Role::read;
  std::string created;  // UTC
};

// Thread-safe; several processes may use one file, a change counts from the next request on.
class TokenStore {
 public:
  explicit TokenStore(std::shared_ptr<Database> database);
  // The secret, 256 random bits as "fsfm_" and 64 hex digits; it is shown this once. Throws Error when the name is
  // taken or is no name.
  std::string add(const std::string& name, Role role);
  // The same of a secret that another server's store made: several servers then know one token. Throws Error also when
  // it is no such secret, or is here already.
  void add_known(const std::string& name, Role role, const std::string& secret);
  std::vector<Token> list();
  bool revoke(const std::string& name);  // false: there is none of that name
  bool empty();
  // A secret of 256 random bits needs no slow hash: SHA-256, compared in constant time with every token there is.
  std::optional<Token> find(std::string_view secret);

 private:
  void keep(const std::string& name, Role role, const std::string& secret);

  std::shared_ptr<Database> database_;
};

}  // namespace fsfm::server
