// What was judged, by which model, for whom, with which answer: rows chained by hashes, so that a removed or altered
// one shows.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "server/database.h"

namespace fsfm::server {

struct AuditRow {
  int64_t id = 0;  // given by add()
  std::string time{}, request_id, token;
  std::string content_sha256, model_sha256;
  std::string kind;     // picture, video, or "" where nothing could be judged
  std::string verdict;  // of the worst face; "error" where nothing could be judged
  std::optional<double> score{};
  int faces = 0;
  std::string result{};  // the entry as the client had it, JSON
  std::string hash{};    // of this row and the hash of the row before
};

// Thread-safe, and safe between processes that share the file. Pictures are never kept.
class AuditTrail {
 public:
  explicit AuditTrail(std::shared_ptr<Database> database);
  void add(AuditRow row);
  // Newest first. `search`: part of a file name, hash, verdict, request id, token or time; "" = all.
  std::vector<AuditRow> find(const std::string& search, int limit, int64_t before = 0);
  std::optional<AuditRow> by_id(int64_t id);
  // Oldest first, one after the other.
  void for_each(const std::function<void(const AuditRow&)>& row);
  // Removes rows older than so many days; the chain goes on from the last one removed.
  int prune(int days);
  // "" when every row is as it was written and none is missing; else what is wrong, with the row.
  std::string verify();

 private:
  std::shared_ptr<Database> database_;
  std::mutex mutex_;
};

nlohmann::json to_json(const AuditRow& row);
std::string csv_header();
std::string to_csv(const AuditRow& row);

}  // namespace fsfm::server
