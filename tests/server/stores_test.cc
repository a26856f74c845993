// Tokens, audit trail and rate limits.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/error.h"
#include "server/audit.h"
#include "server/metrics.h"
#include "server/rate_limit.h"
#include "server/tokens.h"
#include "support/temp_dir.h"

namespace fsfm::server {
namespace {

std::shared_ptr<Database> open(const test::TempDir& dir) { return std::make_shared<Database>(dir / "serve.db"); }

AuditRow row(const std::string& id, const std::string& verdict) {
  return {.request_id = id,
          .token = "t",
          .content_sha256 = "aa",
          .model_sha256 = "bb",
          .kind = "picture",
          .verdict = verdict,
          .score = 0.25,
          .faces = 1,
          .result = "{\"file\":\"Holiday.jpg\"}"};
}

TEST(Tokens, AreFoundByTheirSecretUntilRevoked) {
  const test::TempDir dir;
  TokenStore tokens(open(dir));
  const std::string secret = tokens.add("scanner", Role::detect);
  const auto found = tokens.find(secret);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "scanner");
  EXPECT_EQ(found->role, Role::detect);
  EXPECT_FALSE(tokens.find(secret + "0"));
  EXPECT_FALSE(tokens.find(""));
  EXPECT_THROW(tokens.add("scanner", Role::read), Error);
  EXPECT_TRUE(tokens.revoke("scanner"));
  EXPECT_FALSE(tokens.revoke("scanner"));
  EXPECT_FALSE(tokens.find(secret));
}

TEST(Tokens, SeveralServersMayKnowOne) {
  const test::TempDir dir, other_dir;
  TokenStore tokens(open(dir)), elsewhere(open(other_dir));
  const std::string secret = tokens.add("scanner", Role::detect);
  elsewhere.add_known("scanner", Role::detect, secret);
  const auto found = elsewhere.find(secret);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "scanner");
  EXPECT_THROW(elsewhere.add_known("again", Role::admin, secret), Error);  // one secret, one role
  for (const std::string& weak : {std::string(), std::string("fsfm_"), std::string("fsfm_1234"), secret + " ",
                                  secret + "0", "FSFM_" + secret.substr(5), "fsfm_" + std::string(64, 'G')})
    EXPECT_THROW(elsewhere.add_known("weak", Role::detect, weak), Error) << weak;
  EXPECT_EQ(elsewhere.list().size(), 1u);
}

TEST(Tokens, ARevocationThatIsNotWrittenIsAnError) {
  const test::TempDir dir;
  const auto database = open(dir);
  TokenStore tokens(database);
  const std::string secret = tokens.add("scanner", Role::detect);
  // SQLite checks this when the statement ends, as it does the disk.
  database->run(
      "CREATE TABLE uses (token TEXT REFERENCES tokens (name) DEFERRABLE INITIALLY DEFERRED);"
      "INSERT INTO uses VALUES ('scanner');");
  EXPECT_THROW(tokens.revoke("scanner"), Error);
  EXPECT_TRUE(tokens.find(secret));
}

TEST(Tokens, TheFileHoldsNoSecret) {
  const test::TempDir dir;
  std::string secret;
  {
    TokenStore tokens(open(dir));
    secret = tokens.add("scanner", Role::admin);
  }
  Database database(dir / "serve.db");
  Statement all(database, "SELECT name || role || hash || created FROM tokens");
  ASSERT_TRUE(all.step());
  EXPECT_EQ(all.text(0).find(secret.substr(5)), std::string::npos);
  EXPECT_EQ(std::filesystem::status(dir / "serve.db").permissions() & std::filesystem::perms::group_read,
            std::filesystem::perms::none);
}

TEST(Audit, AWholeChainVerifiesAndIsFoundByWhatItHolds) {
  const test::TempDir dir;
  AuditTrail audit(open(dir));
  EXPECT_EQ(audit.verify(), "");
  for (const char* id : {"one", "two", "three"}) audit.add(row(id, id == std::string("two") ? "attack" : "real"));
  EXPECT_EQ(audit.verify(), "");
  ASSERT_EQ(audit.find("attack", 10).size(), 1u);
  EXPECT_EQ(audit.find("attack", 10)[0].request_id, "two");
  EXPECT_EQ(audit.find("holiday", 10).size(), 3u);
  EXPECT_EQ(audit.find("", 10)[0].request_id, "three");
  EXPECT_EQ(audit.find("", 10, 2)[0].request_id, "one");
}

TEST(Audit, ARowThatIsRemovedOrAlteredShows) {
  for (const char* crime :
       {"DELETE FROM audit WHERE id = 2", "DELETE FROM audit WHERE id = 3", "DELETE FROM audit WHERE id = 1",
        "UPDATE audit SET verdict = 'real' WHERE id = 2", "UPDATE audit SET result = '' WHERE id = 3",
        "UPDATE audit SET score = NULL WHERE id = 1"}) {
    const test::TempDir dir;
    const auto database = open(dir);
    AuditTrail audit(database);
    for (const char* id : {"one", "two", "three"}) audit.add(row(id, "attack"));
    database->run(crime);
    EXPECT_NE(audit.verify(), "") << crime;
  }
}

TEST(Audit, EndsThatAreRemovedOrMovedShow) {
  for (const char* crime :
       {"DELETE FROM audit_ends", "DELETE FROM audit_ends WHERE what = 'head'",
        "DELETE FROM audit_ends WHERE what = 'start'", "DELETE FROM audit_ends; DELETE FROM audit WHERE id > 1",
        "UPDATE audit_ends SET id = 2, hash = (SELECT hash FROM audit WHERE id = 2) WHERE what = 'head'",
        "INSERT INTO audit SELECT id + 3, time, request_id, token, content_sha256, model_sha256, kind, verdict, score, "
        "faces, result, hash FROM audit"}) {
    const test::TempDir dir;
    {
      AuditTrail audit(open(dir));
      for (const char* id : {"one", "two", "three"}) audit.add(row(id, "attack"));
    }
    open(dir)->run(crime);
    AuditTrail audit(open(dir));  // a server that starts anew makes up no ends
    EXPECT_NE(audit.verify(), "") << crime;
  }
}

TEST(Audit, NothingIsChainedToAHeadThatIsGone) {
  const test::TempDir dir;
  const auto database = open(dir);
  AuditTrail audit(database);
  audit.add(row("one", "attack"));
  database->run("DELETE FROM audit_ends");
  EXPECT_THROW(audit.add(row("two", "attack")), Error);
}

TEST(Audit, IsVerifiedWhileOthersWrite) {
  const test::TempDir dir;
  AuditTrail audit(open(dir)), other(open(dir));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) other.add(row("x", "real"));
  });
  for (int i = 0; i < 30; ++i) EXPECT_EQ(audit.verify(), "");
  stop = true;
  writer.join();
}

TEST(Audit, WhatPassesItsRetentionLeavesAWholeChain) {
  const test::TempDir dir;
  const auto database = open(dir);
  AuditTrail audit(database);
  for (const char* id : {"one", "two"}) audit.add(row(id, "real"));
  EXPECT_EQ(audit.prune(30), 0);
  // An old row is one whose chain was made with an old time: the clock is the only thing that differs.
  database->run("UPDATE audit SET time = '2020-01-01T00:00:00Z' WHERE id = 1");
  EXPECT_EQ(audit.prune(30), 1);
  EXPECT_EQ(audit.verify(), "");
  audit.add(row("three", "real"));
  EXPECT_EQ(audit.verify(), "");
}

TEST(Audit, ATableForSpreadsheetsRunsNothing) {
  AuditRow formula = row("=cmd()", "real");
  EXPECT_NE(to_csv(formula).find("\"'=cmd()\""), std::string::npos);
}

TEST(RateLimit, HoldsATokenToItsRateAndLeavesOthersAlone) {
  RateLimit limit(2);
  const auto now = Clock::now();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(limit.take("a", now), 0) << i;
  EXPECT_EQ(limit.take("a", now), 1);
  EXPECT_EQ(limit.take("b", now), 0);
  EXPECT_EQ(limit.take("a", now + std::chrono::milliseconds(600)), 0);
}

TEST(Metrics, HistogramsAreCumulative) {
  Metrics metrics;
  metrics.declare_histogram("h_seconds", "help");
  metrics.observe("h_seconds", 0.02);
  metrics.observe("h_seconds", 7);
  const std::string text = metrics.text();
  EXPECT_NE(text.find("h_seconds_bucket{le=\"0.025\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("h_seconds_bucket{le=\"10\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("h_seconds_count 2\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace fsfm::server
