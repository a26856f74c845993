// SQLite with errors as exceptions and statements that clean up after themselves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace fsfm::server {

class Database;

// One prepared statement. Not thread-safe; it must not outlive its database.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int at, int64_t value);  // from 1
  Statement& bind(int at, double value);
  Statement& bind(int at, std::string_view value);
  bool step();  // true while there is a row
  int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
};

// A file in WAL mode that several processes may share. Thread-safe as SQLite's serialised mode is; a transaction spans
// threads, so writers hold a lock of their own.
class Database {
 public:
  // Makes the file (mode 0600) and its folder. Throws Error naming it.
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  void run(const char* sql);
  int changes() const;
  const std::filesystem::path& file() const { return file_; }

 private:
  friend class Statement;
  [[noreturn]] void fail(const char* doing) const;
  std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
};

// Rolled back unless committed. A writer's begins at once, so that two wait for each other instead of failing half-way;
// a reader's sees one state of the file, whatever others write.
class Transaction {
 public:
  enum class Kind { write, read };
  explicit Transaction(Database& database, Kind kind = Kind::write);
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace fsfm::server
