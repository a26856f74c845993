#include "server/audit.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "server/clock.h"
#include "tensorio/json.h"

namespace fsfm::server {
namespace {

constexpr const char* kTampered = "see fsfm serve audit verify, and restore the file from a backup";
constexpr const char* kColumns =
    "id, time, request_id, token, content_sha256, model_sha256, kind, verdict, score, faces, result, hash";

AuditRow row_of(const Statement& s) {
  AuditRow row{s.integer(0), s.text(1), s.text(2), s.text(3), s.text(4), s.text(5), s.text(6), s.text(7)};
  if (!s.is_null(8)) row.score = s.real(8);
  row.faces = static_cast<int>(s.integer(9));
  row.result = s.text(10);
  row.hash = s.text(11);
  return row;
}

// Fields as a JSON list: no two different rows have the same text.
std::string chained(const AuditRow& row, const std::string& previous) {
  return sha256(json_text({previous, row.id, row.time, row.request_id, row.token, row.content_sha256, row.model_sha256,
                           row.kind, row.verdict, row.score ? nlohmann::json(*row.score) : nlohmann::json(), row.faces,
                           sha256(row.result)}));
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  // A spreadsheet runs what begins like a formula.
  if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos) out += '\'';
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace

AuditTrail::AuditTrail(std::shared_ptr<Database> database) : database_(std::move(database)) {
  database_->run(
      "CREATE TABLE IF NOT EXISTS audit (id INTEGER PRIMARY KEY, time TEXT NOT NULL, request_id TEXT NOT NULL, token "
      "TEXT NOT NULL, content_sha256 TEXT NOT NULL, model_sha256 TEXT NOT NULL, kind TEXT NOT NULL, verdict TEXT NOT "
      "NULL, score REAL, faces INTEGER NOT NULL, result TEXT NOT NULL, hash TEXT NOT NULL);"
      "CREATE INDEX IF NOT EXISTS audit_time ON audit (time);"
      // Where the chain begins (after pruning: the last row removed) and where it ends.
      "CREATE TABLE IF NOT EXISTS audit_ends (what TEXT PRIMARY KEY, id INTEGER NOT NULL, hash TEXT NOT NULL);"
      // Rows without ends are a chain that was tampered with: no ends are made up for it.
      "INSERT OR IGNORE INTO audit_ends SELECT column1, 0, '' FROM (VALUES ('start'), ('head')) WHERE NOT EXISTS "
      "(SELECT 1 FROM audit);");
}

void AuditTrail::add(AuditRow row) {
  std::lock_guard lock(mutex_);
  Transaction transaction(*database_);
  std::string previous;
  {
    Statement head(*database_, "SELECT id, hash FROM audit_ends WHERE what = 'head'");
    if (!head.step()) throw Error(database_->file().string() + ": the head of the audit chain is gone", kTampered);
    row.id = head.integer(0) + 1;
    previous = head.text(1);
  }
  row.time = utc_now();
  row.hash = chained(row, previous);
  {
    Statement insert(*database_, "INSERT INTO audit VALUES (?,?,?,?,?,?,?,?,?,?,?,?)");
    insert.bind(1, row.id).bind(2, row.time).bind(3, row.request_id).bind(4, row.token).bind(5, row.content_sha256);
    insert.bind(6, row.model_sha256).bind(7, row.kind).bind(8, row.verdict);
    if (row.score) insert.bind(9, *row.score);
    insert.bind(10, static_cast<int64_t>(row.faces)).bind(11, row.result).bind(12, row.hash).step();
    Statement(*database_, "UPDATE audit_ends SET id = ?, hash = ? WHERE what = 'head'")
        .bind(1, row.id)
        .bind(2, row.hash)
        .step();
  }
  transaction.commit();
}

std::vector<AuditRow> AuditTrail::find(const std::string& search, int limit, int64_t before) {
  std::lock_guard lock(mutex_);
  Statement rows(*database_, fmt::format("SELECT {} FROM audit WHERE (?1 = 0 OR id < ?1) AND (?2 = '' OR instr(lower("
                                         "time || ' ' || request_id || ' ' || token || ' ' || content_sha256 || ' ' || "
                                         "verdict || ' ' || result), lower(?2)) > 0) ORDER BY id DESC LIMIT ?3",
                                         kColumns));
  rows.bind(1, before).bind(2, search).bind(3, static_cast<int64_t>(limit));
  std::vector<AuditRow> found;
  while (rows.step()) found.push_back(row_of(rows));
  return found;
}

std::optional<AuditRow> AuditTrail::by_id(int64_t id) {
  std::lock_guard lock(mutex_);
  Statement row(*database_, fmt::format("SELECT {} FROM audit WHERE id = ?", kColumns));
  if (!row.bind(1, id).step()) return std::nullopt;
  return row_of(row);
}

void AuditTrail::for_each(const std::function<void(const AuditRow&)>& row) {
  // In parts, so that a long export holds up no request.
  int64_t last = 0;
  for (;;) {
    std::vector<AuditRow> part;
    {
      std::lock_guard lock(mutex_);
      Statement rows(*database_, fmt::format("SELECT {} FROM audit WHERE id > ? ORDER BY id LIMIT 1000", kColumns));
      rows.bind(1, last);
      while (rows.step()) part.push_back(row_of(rows));
    }
    if (part.empty()) return;
    for (const AuditRow& each : part) row(each);
    last = part.back().id;
  }
}

int AuditTrail::prune(int days) {
  if (days <= 0) return 0;
  std::lock_guard lock(mutex_);
  const std::string limit = utc_now(days * 86400.0);
  Transaction transaction(*database_);
  int removed = 0;
  Statement last(*database_, "SELECT id, hash FROM audit WHERE time < ? ORDER BY id DESC LIMIT 1");
  if (last.bind(1, limit).step()) {
    const int64_t id = last.integer(0);
    Statement(*database_, "UPDATE audit_ends SET id = ?, hash = ? WHERE what = 'start'")
        .bind(1, id)
        .bind(2, last.text(1))
        .step();
    Statement(*database_, "DELETE FROM audit WHERE id <= ?").bind(1, id).step();
    removed = database_->changes();
  }
  transaction.commit();
  return removed;
}

std::string AuditTrail::verify() {
  // One look at a state that no writer changes meanwhile, through a connection of its own.
  Database snapshot(database_->file());
  const Transaction reading(snapshot, Transaction::Kind::read);
  auto end_of = [&](const char* what) {
    Statement end(snapshot, "SELECT id, hash FROM audit_ends WHERE what = ?");
    return end.bind(1, std::string_view(what)).step() ? std::optional(std::pair(end.integer(0), end.text(1)))
                                                      : std::nullopt;
  };
  const auto start = end_of("start"), head = end_of("head");
  if (!start) return "the start of the chain is gone";
  if (!head) return "the head of the chain is gone";
  auto [id, hash] = *start;
  Statement rows(snapshot, fmt::format("SELECT {} FROM audit ORDER BY id", kColumns));
  while (rows.step()) {
    const AuditRow row = row_of(rows);
    if (row.id > head->first) return fmt::format("row {} was written past the head of the chain", row.id);
    if (row.id != id + 1) return fmt::format("row {} is missing", id + 1);
    if (chained(row, hash) != row.hash) return fmt::format("row {} was altered", row.id);
    id = row.id, hash = row.hash;
  }
  if (id != head->first) return fmt::format("row {} is missing", id + 1);
  return hash == head->second ? "" : fmt::format("row {} was altered", id);
}

nlohmann::json to_json(const AuditRow& row) {
  return {{"id", row.id},
          {"time", row.time},
          {"request_id", row.request_id},
          {"token", row.token},
          {"content_sha256", row.content_sha256},
          {"model_sha256", row.model_sha256},
          {"kind", row.kind},
          {"verdict", row.verdict},
          {"score", row.score ? nlohmann::json(*row.score) : nlohmann::json()},
          {"faces", row.faces},
          {"hash", row.hash}};
}

std::string csv_header() {
  return "id,time,request_id,token,content_sha256,model_sha256,kind,verdict,score,faces,hash\n";
}

std::string to_csv(const AuditRow& row) {
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", row.id, row.time, quoted(row.request_id), quoted(row.token),
                     row.content_sha256, row.model_sha256, row.kind, row.verdict,
                     row.score ? fmt::format("{}", *row.score) : "", row.faces, row.hash);
}

}  // namespace fsfm::server
