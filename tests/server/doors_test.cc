// `fsfm serve` from outside: who gets in, and what its enemies can send.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "server/running_server.h"
#include "support/run_cli.h"

namespace fsfm {
namespace {

using test::kBinary;
using test::RunningServer;

// A connection without an HTTP library's good manners.
class RawClient {
 public:
  explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ADD_FAILURE() << "no connection";
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False once the server has closed.
  bool send(std::string_view text) const {
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  void finish_sending() const { ::shutdown(fd_, SHUT_WR); }
  // All that comes until the server closes.
  std::string rest() const {
    std::string text;
    std::array<char, 4096> part;
    for (ssize_t n = 0; (n = ::recv(fd_, part.data(), part.size(), 0)) > 0;)
      text.append(part.data(), static_cast<size_t>(n));
    return text;
  }
  // What has come by now.
  bool has_answer() const {
    char first = 0;
    return ::recv(fd_, &first, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }

 private:
  int fd_;
};

// The statuses of all answers in what came over one connection.
std::vector<int> statuses(const std::string& text) {
  std::vector<int> found;
  for (size_t at = 0; (at = text.find("HTTP/1.1 ", at)) != std::string::npos; ++at)
    found.push_back(std::stoi(text.substr(at + 9, 3)));
  return found;
}

std::string request(const std::string& line, const std::string& headers, const std::string& body = "") {
  return line + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + body;
}

httplib::Headers new_token(const std::string& state, const std::string& name, const std::string& role) {
  const auto made = test::run_cli({"serve", "token", "add", name, "--role", role, "--state", state});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  return {{"Authorization", "Bearer " + made.out.substr(0, made.out.find('\n'))}};
}

TEST(Doors, AFloodOfConnectionsIsAnsweredToTheLast) {
  const RunningServer server({"--queue", "4"});
  const std::string photo = test::painted_photo();
  constexpr size_t kClients = 96;
  std::array<int, kClients> status{};  // 0: the connection broke
  {
    std::vector<std::jthread> clients;
    for (size_t i = 0; i < kClients; ++i)
      clients.emplace_back([&, i] {
        if (const auto answer = server.client().Post("/v1/detect", photo, kBinary)) status[i] = answer->status;
      });
  }
  const auto judged = std::count(status.begin(), status.end(), 200),
             shed = std::count(status.begin(), status.end(), 429);
  EXPECT_EQ(judged + shed, static_cast<long>(kClients));
  EXPECT_GE(judged, 4);
}

TEST(Doors, ABodyThatCannotBeReadIsAnsweredAndNeverTakenForARequest) {
  const RunningServer server;
  const std::string hidden = "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  for (const char* type : {"multipart/form-data", "multipart/form-data; boundary=x"}) {
    auto client = server.client();
    client.set_keep_alive(true);
    const auto answer = client.Post("/v1/detect", "--y\r\nno part at all\r\n" + hidden, type);
    ASSERT_TRUE(answer) << type << ": " << httplib::to_string(answer.error());
    EXPECT_EQ(answer->status, 400) << answer->body;
    EXPECT_EQ(answer->get_header_value("Content-Type"), "application/problem+json");
    const auto next = client.Get("/health");
    ASSERT_TRUE(next);
    EXPECT_EQ(next->status, 200);
  }
  EXPECT_EQ(server.log().find("/v1/models"), std::string::npos) << server.log();
}

TEST(Doors, TwoServersKnowOneToken) {
  const test::TempDir dir;
  const std::string here = (dir / "here").string(), there = (dir / "there").string();
  const httplib::Headers token = new_token(here, "scanner", "detect");
  const std::string secret = token.begin()->second.substr(std::string("Bearer ").size());
  const auto told =
      test::run_shell("echo " + secret + " | $FSFM serve token add scanner --secret-stdin --state " + there);
  ASSERT_EQ(told.exit_code, 0) << told.err;
  EXPECT_EQ(told.out, "");  // it is known already, and is not shown again
  const RunningServer server({"--state", there});
  EXPECT_EQ(server.client().Get("/v1/history")->status, 401);
  EXPECT_EQ(server.client().Get("/v1/history", token)->status, 200);
  for (const std::string& pipe : {std::string("echo fsfm_1234"), std::string("true"), "echo " + secret + secret}) {
    const auto refused = test::run_shell(pipe + " | $FSFM serve token add other --secret-stdin --state " + there);
    EXPECT_EQ(refused.exit_code, 2) << pipe;
    EXPECT_NE(refused.err.find("no secret of a token"), std::string::npos) << refused.err;
  }
  const auto strange = test::run_cli({"serve", "token", "revoke", "scanner", "--secret-stdin", "--state", there});
  EXPECT_EQ(strange.exit_code, 2);
  EXPECT_NE(strange.err.find("takes no --secret-stdin"), std::string::npos) << strange.err;
  EXPECT_EQ(server.client().Get("/v1/history", token)->status, 200);
}

TEST(Doors, RevokingTheLastTokenClosesTheServer) {
  const test::TempDir dir;
  const std::string state = (dir / "state").string();
  ASSERT_EQ(test::run_cli({"serve", "token", "add", "only", "--role", "detect", "--state", state}).exit_code, 0);
  const RunningServer server({"--state", state});
  EXPECT_EQ(server.client().Get("/v1/history")->status, 401);
  ASSERT_EQ(test::run_cli({"serve", "token", "revoke", "only", "--state", state}).exit_code, 0);
  EXPECT_EQ(server.client().Get("/v1/history")->status, 401);
  EXPECT_EQ(server.client().Post("/v1/models/reload")->status, 401);
}

TEST(Doors, ANameThatLooksLikeLoopbackIsNone) {
  const RunningServer server;
  for (const char* host : {"127.evil.example", "127.0.0.1.evil.example", "localhost.evil.example"})
    EXPECT_EQ(server.client().Get("/v1/history", {{"Host", host}})->status, 421) << host;
  EXPECT_EQ(server.client().Get("/v1/history", {{"Host", "127.0.0.2:80"}})->status, 200);
}

TEST(Doors, AWrongMethodIsToldTheRightOnes) {
  const RunningServer server;
  const auto answer = server.client().Get("/v1/detect");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 405);
  EXPECT_EQ(answer->get_header_value("Allow"), "POST");
  EXPECT_EQ(server.client().Delete("/v1/jobs")->status, 405);
  EXPECT_EQ(server.client().Get("/v1/nothing")->status, 404);
}

TEST(Doors, TokensAndRoles) {
  const test::TempDir dir;
  const std::string state = (dir / "state").string();
  const auto reader = new_token(state, "reader", "read"), judge = new_token(state, "judge", "detect"),
             admin = new_token(state, "boss", "admin");
  const RunningServer server({"--state", state});
  auto client = server.client();
  const std::string photo = test::painted_photo();
  EXPECT_EQ(client.Post("/v1/detect", photo, kBinary)->status, 401);
  EXPECT_EQ(client.Post("/v1/detect", {{"Authorization", "Bearer fsfm_00"}}, photo, kBinary)->status, 401);
  EXPECT_EQ(client.Post("/v1/detect", reader, photo, kBinary)->status, 403);
  EXPECT_EQ(client.Post("/v1/detect", judge, photo, kBinary)->status, 200);
  EXPECT_EQ(client.Get("/v1/history", reader)->status, 200);
  EXPECT_EQ(client.Get("/v1/audit", judge)->status, 403);
  EXPECT_EQ(client.Get("/v1/audit", admin)->status, 200);
  EXPECT_EQ(client.Get("/health")->status, 200);
  ASSERT_EQ(test::run_cli({"serve", "token", "revoke", "judge", "--state", state}).exit_code, 0);
  EXPECT_EQ(client.Post("/v1/detect", judge, photo, kBinary)->status, 401);
}

TEST(Doors, OtherSitesPagesAndAddressesAreRefused) {
  const RunningServer server;
  auto client = server.client();
  EXPECT_EQ(client.Post("/v1/detect", {{"Origin", "https://evil.example"}}, test::painted_photo(), kBinary)->status,
            403);
  EXPECT_EQ(client.Get("/v1/history", {{"Sec-Fetch-Site", "cross-site"}})->status, 403);
  EXPECT_EQ(client.Get("/v1/history", {{"Host", "evil.example:80"}})->status, 421);
  EXPECT_EQ(client.Get("/v1/history", {{"Origin", "http://127.0.0.1:" + std::to_string(server.port())}})->status, 200);
}

TEST(Doors, RefusesToListenBeyondThisMachineWithoutTokens) {
  const test::TempDir dir;
  const auto result =
      test::run_cli({"serve", "--host", "0.0.0.0", "--port", "0", "--workers", "1", "--state", dir.path().string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("--insecure"), std::string::npos) << result.err;
}

TEST(Doors, SlowClientsCostNobodyElse) {
  const RunningServer server;
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(std::make_unique<RawClient>(server.port()));
    ASSERT_TRUE(slow.back()->send(request("POST /v1/detect", "Content-Length: 1000\r\n", "x")));
  }
  const auto answer = server.client().Post("/v1/detect", test::painted_photo(), kBinary);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
}

TEST(Doors, AFullQueueIsRefusedWithATimeToComeBack) {
  const RunningServer server({"--queue", "1", "--batch", "1"});
  const std::string photo = test::painted_photo();
  std::atomic<int> refused{0}, judged{0}, others{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 12; ++i)
    clients.emplace_back([&] {
      const auto answer = server.client().Post("/v1/detect", photo, kBinary);
      if (answer && answer->status == 429 && !answer->get_header_value("Retry-After").empty())
        ++refused;
      else if (answer && answer->status == 200)
        ++judged;
      else
        ++others;
    });
  for (auto& client : clients) client.join();
  EXPECT_GT(refused, 0);
  EXPECT_GT(judged, 0);
  EXPECT_EQ(others, 0);
}

TEST(Doors, ABodyWhereNobodyReadsIsNeverTakenForARequest) {
  const RunningServer server;
  const std::string hidden = request("GET /v1/models", "");
  const std::string length = "Content-Length: " + std::to_string(hidden.size()) + "\r\n";
  const std::string chunk = "1c\r\n" + hidden.substr(0, 28) + "\r\n0\r\n\r\n";
  for (const auto& [line, status] : {std::pair{"GET /health", 400},
                                     {"GET /", 400},
                                     {"GET /nothing", 400},
                                     {"HEAD /health", 400},
                                     {"PUT /v1/detect", 405},
                                     {"DELETE /v1/detect", 405},
                                     {"DELETE /v1/jobs/abc", 404},
                                     {"PRI /v1/jobs", 400},
                                     {"PATCH /nothing", 404},
                                     {"POST /nothing", 404},
                                     {"POST /", 405}})
    for (const auto& [header, body] : {std::pair{length, hidden}, {"Transfer-Encoding: chunked\r\n", chunk}}) {
      const RawClient client(server.port());
      ASSERT_TRUE(client.send(request(line, "Connection: close\r\n" + header, body)));
      EXPECT_EQ(statuses(client.rest()), std::vector{status}) << line << " " << header;
    }
  EXPECT_EQ(server.log().find("/v1/models"), std::string::npos) << server.log();
}

TEST(Doors, ABodyIsNotKeptWhereNobodyReads) {
  const RunningServer server;
  const std::string piece(1 << 20, 'x');
  const auto most_memory = [&] {  // that the process ever had, in kB
    const std::string status = test::read_all("/proc/" + std::to_string(server.pid()) + "/status");
    return std::stol(status.substr(status.find("VmHWM:") + 6));
  };
  const long before = most_memory();
  for (const char* line : {"PUT /v1/detect", "POST /nothing", "POST /v1/models/reload", "PRI /v1/jobs"}) {
    const RawClient client(server.port());
    client.send(request(line, "Content-Length: 300000000\r\n"));
    for (int i = 0; i < 300 && client.send(piece); ++i) {
    }
    EXPECT_LT(most_memory() - before, 50'000) << line;
  }
}

TEST(Doors, AHeaderThatCanBeReadInTwoWaysIsRefused) {
  const RunningServer server;
  const std::string hidden = request("GET /v1/models", "");
  for (const char* header :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Content-Length : 5\r\n",
        "Content-Length: 5x\r\n", "Content-Length: -5\r\n", "Content-Length: +5\r\n",
        "Content-Length: 99999999999999999999999\r\n", "Transfer-Encoding : chunked\r\n"})
    for (const char* line : {"POST /v1/detect", "GET /health", "POST /v1/models/reload"}) {
      const RawClient client(server.port());
      ASSERT_TRUE(client.send(request(line, header, "0\r\n\r\n" + hidden)));
      client.finish_sending();
      EXPECT_EQ(statuses(client.rest()), std::vector{400}) << line << " " << header;
    }
  EXPECT_EQ(server.log().find("/v1/models"), std::string::npos) << server.log();
}

TEST(Doors, ALengthBeyondAllLimitsIsRefusedBeforeItsBody) {
  const RunningServer server;
  const RawClient client(server.port());
  ASSERT_TRUE(client.send(request("POST /v1/detect", "Content-Length: 1000000000000000\r\n")));
  EXPECT_EQ(statuses(client.rest()), std::vector{413});
}

TEST(Doors, NoBodyIsWaitedForWhereNoneIsAnnounced) {
  const RunningServer server;
  for (const auto& [line, status] : {std::pair{"POST /v1/detect", 400},
                                     {"POST /v1/models/reload", 200},
                                     {"DELETE /v1/jobs/abc", 404},
                                     {"PUT /v1/jobs", 405},
                                     {"POST /nothing", 404}}) {
    const RawClient client(server.port());
    ASSERT_TRUE(client.send(request(line, "Connection: close\r\n")));
    EXPECT_EQ(statuses(client.rest()), std::vector{status}) << line;
  }
}

TEST(Doors, ARefusalStaysWhatItIsWhateverTheBody) {
  const test::TempDir dir;
  const std::string state = (dir / "state").string();
  const auto reader = new_token(state, "reader", "read");
  const RunningServer server({"--state", state});
  const std::string body(9 << 20, 'x');  // more than is read and thrown away
  EXPECT_EQ(server.client().Post("/v1/detect", body, kBinary)->status, 401);
  EXPECT_EQ(server.client().Post("/v1/detect", reader, body, kBinary)->status, 403);
  EXPECT_EQ(server.client().Post("/v1/models/reload", body, "multipart/form-data")->status, 401);
  const RawClient client(server.port());  // chunks that are none
  ASSERT_TRUE(client.send(request("POST /v1/detect", "Transfer-Encoding: chunked\r\n", "zz\r\n")));
  EXPECT_EQ(statuses(client.rest()), std::vector{401});
}

TEST(Doors, RangesDoNotMultiplyAnAnswer) {
  const RunningServer server;
  const auto whole = server.client().Get("/openapi.json");
  std::string ranges = "bytes=0-";
  for (int i = 0; i < 500; ++i) ranges += ",0-";
  for (const std::string& range : {ranges, std::string("bytes=0-9")}) {
    const auto answer = server.client().Get("/openapi.json", {{"Range", range}});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, whole->body);
  }
}

TEST(Doors, AClientThatTricklesIsCutOff) {
  const RunningServer server({"--upload-timeout", "0.5"});
  struct Trickle {
    const char *headers, *drop;
  };
  // Bytes of the file, of a part's header, of a chunk's size: the last two never reach the file.
  for (const auto& [headers, drop] :
       {Trickle{"Content-Length: 100000\r\n", "x"},
        {"Content-Length: 100000\r\nContent-Type: multipart/form-data; boundary=y\r\n", "--y\r\nX-A: b\r\n"},
        {"Transfer-Encoding: chunked\r\n", "1"}}) {
    const RawClient client(server.port());
    ASSERT_TRUE(client.send(request("POST /v1/detect", headers)));
    for (int i = 0; i < 150 && !client.has_answer(); ++i) {
      client.send(std::string_view(drop).substr(0, 1 + (i == 0 ? std::string_view(drop).size() : 0)));
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    const std::string answer = client.rest();
    EXPECT_EQ(statuses(answer), std::vector{408}) << headers << answer;
  }
}

TEST(Doors, TheJobsOfOneTokenLeaveRoomForOthers) {
  const test::TempDir dir;
  const std::string state = (dir / "state").string();
  const auto greedy = new_token(state, "greedy", "detect"), modest = new_token(state, "modest", "detect");
  const RunningServer server({"--state", state});
  const std::string video = test::video_bytes(dir);
  int taken = 0, refused = 0;
  for (int i = 0; i < 40; ++i) switch (server.client().Post("/v1/jobs?frames=12", greedy, video, kBinary)->status) {
      case 202:
        ++taken;
        break;
      case 429:
        ++refused;
        break;
    }
  EXPECT_GE(taken, 16);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(server.client().Post("/v1/jobs?frames=1", modest, test::painted_photo(), kBinary)->status, 202);
}

}  // namespace
}  // namespace fsfm
