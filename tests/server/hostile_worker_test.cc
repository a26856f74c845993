// A worker that a file has taken over may say anything: the service loses that file's verdict and nothing else.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "server/problem.h"
#include "server/scheduler.h"
#include "server/worker_channel.h"
#include "server/worker_main.h"
#include "tensorio/json.h"

namespace fsfm::server {
namespace {

using nlohmann::json;

struct Said {
  Message kind;
  std::string payload;
};

// What the worker says, by the name of the upload.
const std::map<std::string, std::vector<Said>>& sayings() {
  static const auto& list = *new std::map<std::string, std::vector<Said>>{
      {"honest", {{Message::result, R"({"item":0,"entry":{"file":"a"},"verdict":"real","times":{"judge":0.5}})"}}},
      {"item-of-another-type", {{Message::result, R"({"item":"zero","entry":{}})"}}},
      {"item-beyond-the-batch", {{Message::result, R"({"item":1,"entry":{}})"}}},
      {"no-json", {{Message::result, "\xff\xfe{"}}},
      {"a-list", {{Message::result, "[1, 2]"}}},
      {"no-entry", {{Message::result, R"({"item":0,"verdict":"real"})"}}},
      {"entry-of-another-type", {{Message::result, R"({"item":0,"entry":7})"}}},
      {"times-of-another-type", {{Message::result, R"({"item":0,"entry":{},"times":[1]})"}}},
      {"a-stage-that-is-none", {{Message::result, R"({"item":0,"entry":{},"times":{"x\n":1}})"}}},
      {"a-verdict-with-a-label",
       {{Message::result, R"({"item":0,"entry":{},"verdict":"real\"} 1\nfsfm_ready{x=\""})"}}},
      {"a-score-of-text", {{Message::result, R"({"item":0,"entry":{},"score":"high"})"}}},
      {"faces-of-text", {{Message::result, R"({"item":0,"entry":{},"faces":"many"})"}}},
      {"progress-of-text", {{Message::progress, R"({"item":0,"done":"all","of":{}})"}}},
      {"status-of-text", {{Message::problem, R"({"item":0,"status":"bad","detail":3})"}}},
      {"status-of-success", {{Message::problem, R"({"item":0,"status":200,"type":"x","detail":"d"})"}}},
      {"status-beyond-all", {{Message::problem, R"({"item":0,"status":99999,"type":"x","detail":"d"})"}}},
      {"a-second-answer",
       {{Message::result, R"({"item":0,"entry":{"file":"first"}})"},
        {Message::result, R"({"item":0,"entry":{"file":"second"}})"}}},
      {"done-without-an-answer", {}},
  };
  return list;
}

int run_fake_worker() {
  const auto settings = receive_packet(kWorkerSocket);
  if (!settings) return 2;
  send_packet(kWorkerSocket, Message::hello, R"({"sha256":"5a","header":{}})");
  while (const auto batch = receive_packet(kWorkerSocket)) {
    for (const int fd : batch->fds) ::close(fd);
    for (const auto& [kind, payload] : sayings().at(json::parse(batch->payload)[0]["name"]))
      send_packet(kWorkerSocket, kind, payload);
    send_packet(kWorkerSocket, Message::done, "");
  }
  return 0;
}

// The Scheduler starts its own program as a worker, and here that is this one.
[[maybe_unused]] const bool g_is_worker = [] {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string line((std::istreambuf_iterator<char>(file)), {});
  if (line.find(std::string(1, '\0') + kWorkerCommand) != std::string::npos) ::_exit(run_fake_worker());
  return false;
}();

struct HostileWorker : testing::Test {
  // The answer to an upload of this name, or the status of its problem.
  json ask(const std::string& name) {
    auto task = std::make_shared<Task>();
    task->work = {{"op", "picture"}, {"name", name}};
    task->content = content;
    try {
      scheduler.submit(task);
      return scheduler.wait(task, {});
    } catch (const Problem& problem) {
      return problem.status();
    }
  }
  ServeOptions options{};
  Metrics metrics;
  std::shared_ptr<Content> content = std::make_shared<Content>(std::make_shared<ContentBudget>(1000));
  Scheduler scheduler{options, metrics, [](const std::string&) {}};
};

TEST_F(HostileWorker, WhatIsNoAnswerOfOursLosesThatFileOnly) {
  for (const auto& [name, said] : sayings()) {
    if (name == "honest" || name == "a-second-answer" || name.starts_with("status-of-success") ||
        name == "status-beyond-all" || name == "done-without-an-answer")
      continue;
    EXPECT_EQ(ask(name), 422) << name;
    EXPECT_EQ(ask("honest")["entry"]["file"], "a") << "after " << name;
  }
  EXPECT_EQ(metrics.text().find("fsfm_ready{"), std::string::npos);
}

TEST_F(HostileWorker, AProblemIsNoSuccess) {
  EXPECT_EQ(ask("status-of-success"), 400);
  EXPECT_EQ(ask("status-beyond-all"), 599);
}

TEST_F(HostileWorker, TheFirstAnswerStands) {
  EXPECT_EQ(ask("a-second-answer")["entry"]["file"], "first");
  EXPECT_EQ(ask("honest")["entry"]["file"], "a");
}

TEST_F(HostileWorker, ABatchWithoutAnAnswerIsAProblem) {
  EXPECT_EQ(ask("done-without-an-answer"), 422);
  EXPECT_EQ(ask("honest")["entry"]["file"], "a");
}

}  // namespace
}  // namespace fsfm::server
