// The processes of `fsfm serve` that judge: lost, replaced, shut in.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "server/running_server.h"
#include "support/tiny_model.h"

namespace fsfm {
namespace {

using nlohmann::json;
using test::comparable;
using test::kBinary;
using test::parsed;
using test::RunningServer;

// How many batches the server has handed to its workers.
std::string batches(const RunningServer& server) {
  const auto answer = server.client().Get("/metrics");
  const size_t at = answer->body.find("\nfsfm_batches_total ");
  return answer->body.substr(at + 1, answer->body.find('\n', at + 1) - at - 1);
}

// Kills a process that is not ours to wait for, and waits until all its threads have ended: they share its socket.
void kill_for_good(int pid) {
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  for (int i = 0; i < 600; ++i) {
    const std::string process = "/proc/" + std::to_string(pid), stat = test::read_all(process + "/stat");
    std::error_code gone;
    const std::filesystem::directory_iterator threads(process + "/task", gone);
    if (gone || (stat.find(") Z ") != std::string::npos && std::distance(begin(threads), end(threads)) == 1)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL() << "process " << pid << " lives on";
}

// A request whose worker is held at it.
class HeldRequest {
 public:
  explicit HeldRequest(const RunningServer& server) : worker_(server.worker_pids().at(0)) {
    // Not between an answer and the end of its batch.
    for (int i = 0; i < 600 && parsed(server.client().Get("/health"))["busy"] != 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ::kill(worker_, SIGSTOP);
    const std::string before = batches(server);
    client_ = std::thread([this, &server] {
      if (const auto answer = server.client().Post("/v1/detect", test::painted_photo(), kBinary)) {
        status_ = answer->status;
        body_ = answer->body;
      }
    });
    for (int i = 0; i < 600 && batches(server) == before; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ~HeldRequest() {
    if (client_.joinable()) client_.join();
  }
  int worker() const { return worker_; }
  int status() {  // of its answer
    client_.join();
    return status_;
  }
  const std::string& body() const { return body_; }

 private:
  int worker_, status_ = 0;
  std::string body_;
  std::thread client_;
};

TEST(Workers, OneThatIsKilledLosesOnlyItsRequest) {
  const RunningServer server;
  const std::string photo = test::painted_photo();
  const json before = parsed(server.client().Post("/v1/detect", photo, kBinary));
  HeldRequest held(server);
  ASSERT_EQ(::kill(held.worker(), SIGKILL), 0);
  EXPECT_EQ(held.status(), 422) << held.body();
  const json after = parsed(server.client().Post("/v1/detect", photo, kBinary));
  ASSERT_TRUE(after.contains("results")) << after;
  EXPECT_EQ(comparable(after["results"][0]), comparable(before["results"][0]));
}

TEST(Workers, OneThatIsKilledWhileIdleLosesNothing) {
  const RunningServer server;
  const auto workers = server.worker_pids();
  ASSERT_EQ(workers.size(), 1u);
  kill_for_good(workers[0]);
  const auto answer = server.client().Post("/v1/detect", test::painted_photo(), kBinary);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200) << answer->body;
  EXPECT_NE(server.worker_pids(), workers);
}

TEST(Workers, AWorkerIsShutIn) {
  const RunningServer server;
  for (const int pid : server.worker_pids()) {
    const std::string status = test::read_all("/proc/" + std::to_string(pid) + "/status");
    EXPECT_NE(status.find("Seccomp:\t2"), std::string::npos) << status;
    EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos);
    int descriptors = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
      ++descriptors;
    EXPECT_LE(descriptors, 4);  // the three streams and its socket
  }
}

TEST(Workers, ABadModelIsRefusedAndTheOldOneGoesOn) {
  const test::TempDir dir;
  const auto model = test::write_tiny_detector(dir / "model.safetensors");
  const RunningServer server({"--model", model.string()});
  auto client = server.client();
  const json before = parsed(client.Get("/v1/models"));
  std::ofstream(dir / "new", std::ios::binary) << "no model";
  std::filesystem::rename(dir / "new", model);
  EXPECT_EQ(client.Post("/v1/models/reload", "", kBinary)->status, 422);
  EXPECT_EQ(parsed(client.Get("/v1/models")), before);
  EXPECT_EQ(client.Post("/v1/detect", test::painted_photo(), kBinary)->status, 200);
  test::write_tiny_detector(dir / "next.safetensors", [](ModelCard& card) { card.name = "the next one"; });
  std::filesystem::rename(dir / "next.safetensors", model);
  ::kill(server.pid(), SIGHUP);
  for (int i = 0; i < 100 && parsed(client.Get("/v1/models"))["models"][0]["card"]["name"] != "the next one"; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(parsed(client.Post("/v1/detect", test::painted_photo(), kBinary))["name"], "the next one");
}

TEST(Workers, SigtermFinishesWhatIsUnderWay) {
  const test::TempDir dir;
  RunningServer server;
  const std::string video = test::video_bytes(dir);
  int status = 0;
  std::thread client([&] {
    if (const auto answer = server.client().Post("/v1/detect?name=clip.mp4", video, kBinary)) status = answer->status;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(server.stop(), 0);
  client.join();
  EXPECT_EQ(status, 200);
}

TEST(Workers, AModelThatWasReplacedIsUsedOnlyOnceItIsAskedFor) {
  const test::TempDir dir;
  const auto model = test::write_tiny_detector(dir / "model.safetensors", [](ModelCard& card) { card.name = "old"; });
  const RunningServer server({"--model", model.string()});
  auto client = server.client();
  const std::string photo = test::painted_photo();
  EXPECT_EQ(parsed(client.Post("/v1/detect", photo, kBinary))["name"], "old");
  test::write_tiny_detector(dir / "next.safetensors", [](ModelCard& card) { card.name = "new"; });
  std::filesystem::rename(dir / "next.safetensors", model);
  kill_for_good(server.worker_pids().at(0));
  const auto refused = client.Post("/v1/detect", photo, kBinary);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503) << refused->body;
  EXPECT_EQ(client.Get("/ready")->status, 503);
  EXPECT_NE(server.log().find("SIGHUP"), std::string::npos) << server.log();
  EXPECT_EQ(client.Post("/v1/models/reload", "", kBinary)->status, 200);
  json after;
  for (int i = 0; i < 100 && !after.contains("name"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    after = parsed(client.Post("/v1/detect", photo, kBinary));
  }
  EXPECT_EQ(after["name"], "new");
}

TEST(Workers, TheTimeToDrainIsABound) {
  RunningServer server({"--drain-seconds", "0.5"});
  HeldRequest held(server);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(held.status(), 503) << held.body();
}

}  // namespace
}  // namespace fsfm
