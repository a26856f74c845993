// Runs on data and machines as strangers have them: damaged pictures, two starts at once, taken ports, signals.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/file.h"
#include "model/model_file.h"
#include "support/event_file.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/training_log.h"
#include "train/checkpoint.h"

namespace fsfm {
namespace {

using test::run_cli;
using test::signal_after;
using test::start_cli;
using test::TempDir;
using test::training_losses;

void truncate_file(const fs::path& path) { fs::resize_file(path, fs::file_size(path) / 2); }

// 30 real and 30 fake faces in plain folders; the first of each class form the validation split.
class Strangers : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* label : {"real", "fake"}) {
      test::write_face_tree(dir_ / "set", "train", label, 24, label[0], 32);
      test::write_face_tree(dir_ / "set", "val", label, 6, 300 + label[0], 32);
    }
  }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  fs::path face(const std::string& where, int i) const {
    return dir_ / "set" / where / ("face_00" + std::string(i < 10 ? "0" : "") + std::to_string(i) + ".png");
  }
  void spoil_three() const {
    truncate_file(face("train/real", 1));
    write_file_atomic(face("train/fake", 2), "");
    write_file_atomic(face("train/fake", 11), "this is text\n");
  }
  std::vector<std::string> finetune_args(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {"finetune", "--task",       "dfd",    "--init",    "scratch",   "--model",
                                     "tiny",     "--img-size",   "32",     "--data",    path("set"), "--epochs",
                                     "2",        "--batch-size", "8",      "--threads", "1",         "--log-every",
                                     "1",        "--out",        path(out)};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  std::vector<std::string> pretrain_args(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {
        "pretrain", "--data",        path("set"), "--model",         "tiny", "--img-size", "32",     "--mask-strategy",
        "random",   "--decoder-dim", "32",        "--decoder-depth", "1",    "--epochs",   "2",      "--batch-size",
        "8",        "--threads",     "1",         "--log-every",     "1",    "--out",      path(out)};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  size_t lines_of(const std::string& run, const std::string& kind) const {
    size_t count = 0;
    for (const auto& line : RunLog::read(dir_ / run)) count += line["kind"] == kind;
    return count;
  }
  TempDir dir_;
};

TEST_F(Strangers, DamagedPicturesAreNamedCountedAndReplaced) {
  spoil_three();
  const auto result = run_cli(finetune_args("a.safetensors"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* part : {"train/real/face_0001.png", "train/fake/face_0002.png", "train/fake/face_0011.png"})
    EXPECT_NE(result.err.find(std::string("left out of the training data: ") + path("set/") + part), std::string::npos)
        << result.err;
  EXPECT_NE(result.err.find("3 of 48 pictures could not be read"), std::string::npos) << result.err;
  EXPECT_NE(result.out.find("3 pictures to learn from could not be read"), std::string::npos) << result.out;
  EXPECT_EQ(lines_of("a.run", "unreadable"), 3u);
  EXPECT_EQ(ModelFile::open(dir_ / "a.safetensors").card().training["unreadable"]["count"], 3);
  // The number of loading threads changes nothing, nor does the number of processes.
  ASSERT_EQ(run_cli(finetune_args("b.safetensors", {"--workers", "3"})).exit_code, 0);
  EXPECT_EQ(training_losses(dir_ / "a.run"), training_losses(dir_ / "b.run"));

  const auto pretrained = run_cli(pretrain_args("p.safetensors"));
  ASSERT_EQ(pretrained.exit_code, 0) << pretrained.err;
  EXPECT_NE(pretrained.out.find("1 pictures left out"), std::string::npos) << pretrained.out;
  EXPECT_NE(read_file(dir_ / "p.run/report.html").find("1 pictures could not be read"), std::string::npos);
}

TEST_F(Strangers, TwoProcessesLeaveOutTheSamePicturesAsOne) {
  spoil_three();
  const std::vector<std::string> plain = {"--mixup", "0", "--cutmix", "0", "--drop-path", "0"};
  auto one = plain, two = plain;
  two.insert(two.end(), {"--nproc", "2"});
  ASSERT_EQ(run_cli(finetune_args("one.safetensors", one)).exit_code, 0);
  auto args = finetune_args("two.safetensors", two);
  *(std::find(args.begin(), args.end(), "--batch-size") + 1) = "4";
  const auto result = run_cli(args);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto expected = training_losses(dir_ / "one.run"), losses = training_losses(dir_ / "two.run");
  ASSERT_EQ(losses.size(), expected.size());
  for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(losses[i], expected[i], 1e-5);
  EXPECT_EQ(lines_of("two.run", "unreadable"), 3u);  // also those that the second process met
}

TEST_F(Strangers, TooManyDamagedPicturesAreAnErrorThatNamesThem) {
  spoil_three();
  const auto refused = run_cli(finetune_args("a.safetensors", {"--max-bad-share", "0"}));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("cannot be read, more than --max-bad-share 0 allows"), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(dir_ / "a.safetensors"));
  for (int i = 0; i < 24; ++i) write_file_atomic(face("train/fake", i), "");
  const auto class_gone = run_cli(finetune_args("a.safetensors", {"--max-bad-share", "1", "--overwrite"}));
  EXPECT_EQ(class_gone.exit_code, 2);
  EXPECT_NE(class_gone.err.find("no picture of class fake"), std::string::npos) << class_gone.err;
}

TEST_F(Strangers, ADamagedValidationPictureIsLeftOutOfTheFiguresAndCounted) {
  truncate_file(face("val/real", 0));
  const auto result = run_cli(finetune_args("a.safetensors"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("left out of the held-out data: " + path("set/val/real/face_0000.png")), std::string::npos)
      << result.err;
  EXPECT_NE(result.out.find("1 validation pictures could not be read"), std::string::npos) << result.out;
  EXPECT_EQ(ModelFile::open(dir_ / "a.safetensors").card().metrics["validation"]["unreadable"], 1);
  EXPECT_EQ(lines_of("a.run", "unreadable"), 1u);
  const auto judged =
      run_cli({"evaluate", "--model", path("a.safetensors"), "--data", path("set"), "--split", "val", "--json"});
  ASSERT_EQ(judged.exit_code, 0) << judged.err;
  EXPECT_EQ(nlohmann::json::parse(judged.out)["results"][0]["unreadable"], 1);
  EXPECT_NE(judged.err.find("face_0000.png"), std::string::npos) << judged.err;

  const auto pretrained = run_cli(pretrain_args("p.safetensors", {"--max-bad-share", "0.2"}));
  ASSERT_EQ(pretrained.exit_code, 0) << pretrained.err;
  EXPECT_NE(pretrained.out.find("1 held-out faces could not be read"), std::string::npos) << pretrained.out;
  truncate_file(face("val/real", 1));
  const auto refused = run_cli(finetune_args("b.safetensors"));  // two of twelve are more than a tenth
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("2 of 12 pictures of the validation data"), std::string::npos) << refused.err;
}

TEST_F(Strangers, ARunGoesOnAfterItsDamagedPicturesWereRemoved) {
  spoil_three();
  ASSERT_EQ(run_cli(finetune_args("whole.safetensors")).exit_code, 0);
  ASSERT_EQ(run_cli(finetune_args("parts.safetensors", {"--keep", "5", "--save-every", "2"})).exit_code, 0);
  // As after a kill in the second of two epochs of six steps.
  for (const char* step : {"08", "10", "12"})
    fs::remove(dir_ / (std::string("parts.run/checkpoints/step-0000000") + step + ".safetensors"));
  fs::remove(dir_ / "parts.safetensors");
  fs::remove(face("train/real", 1));
  fs::remove(face("train/fake", 2));
  const auto result = run_cli(finetune_args("parts.safetensors", {"--resume"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("2 pictures fewer than when the run began"), std::string::npos) << result.err;
  EXPECT_EQ(training_losses(dir_ / "parts.run"), training_losses(dir_ / "whole.run"));  // bit-equal
  EXPECT_EQ(ModelFile::open(dir_ / "parts.safetensors").card().training["unreadable"]["count"], 3);

  const auto other = run_cli(finetune_args("parts.safetensors", {"--resume", "--seed", "9"}));
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("other settings (seed: 0 then, 9 now)"), std::string::npos) << other.err;
}

TEST_F(Strangers, ADamagedSampleOfAShardIsLeftOut) {
  const auto prepared =
      run_cli({"prepare", "classes", path("set"), "--no-detect", "--parser", "none", "--out", path("shards")});
  ASSERT_EQ(prepared.exit_code, 0) << prepared.err;
  // The picture's first bytes, wherever the archive has them.
  const auto tars = list_files(dir_ / "shards", [](const fs::path& p) { return p.extension() == ".tar"; });
  ASSERT_FALSE(tars.empty());
  std::string tar = read_file(tars.front());
  size_t at = std::min(tar.find("\xff\xd8\xff"), tar.find("\x89PNG"));
  ASSERT_NE(at, std::string::npos);
  std::fill_n(tar.begin() + static_cast<std::ptrdiff_t>(at), 64, 'x');
  write_file_atomic(tars.front(), tar);
  auto args = finetune_args("a.safetensors");
  *std::find(args.begin(), args.end(), path("set")) = path("shards");
  const auto result = run_cli(args);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find(".tar:"), std::string::npos) << result.err;
}

TEST_F(Strangers, ASecondStartIsRefusedWhileTheFirstLives) {
  const pid_t first = start_cli(pretrain_args("m.safetensors", {"--max-steps", "100000"}), dir_ / "err");
  test::wait_for_lines(dir_ / "m.run", 2);
  for (const auto* more : {"--overwrite", "--resume"}) {
    const auto second = run_cli(pretrain_args("m.safetensors", {more}));
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_NE(second.err.find("m.run is in use by process " + std::to_string(first)), std::string::npos) << second.err;
    EXPECT_EQ(std::count(second.err.begin(), second.err.end(), '\n'), 1) << second.err;
  }
  const int status = signal_after(first, dir_ / "m.run", 4, SIGINT);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130) << read_file(dir_ / "err");
  EXPECT_FALSE(fs::exists(dir_ / "m.run/.lock"));
}

TEST_F(Strangers, AKilledRunLeavesNoLockAndNoHalfWrittenFile) {
  const auto args = pretrain_args("m.safetensors", {"--max-steps", "40", "--save-every", "1", "--resume"});
  signal_after(start_cli(args, dir_ / "err"), dir_ / "m.run", 5, SIGKILL);
  write_file_atomic(dir_ / "m.run/checkpoints/.step-000000099.safetensors.1.0.tmp", "half");
  write_file_atomic(dir_ / ".m.safetensors.1.0.tmp", "half");
  const auto result = run_cli(args);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(list_files(dir_ / "m.run", [](const fs::path& p) { return p.extension() == ".tmp"; }).empty());
  EXPECT_FALSE(fs::exists(dir_ / ".m.safetensors.1.0.tmp"));
  EXPECT_FALSE(fs::exists(dir_ / "m.run/checkpoints/.step-000000099.safetensors.1.0.tmp"));
  EXPECT_EQ(training_losses(dir_ / "m.run").size(), 40u);  // each step once
  std::vector<int64_t> steps(40);
  std::iota(steps.begin(), steps.end(), 1);
  const auto shown = test::shown_steps(dir_ / "m.run");
  EXPECT_EQ(shown.at("train/loss"), steps);
  for (const auto& [tag, at] : shown)
    EXPECT_EQ(std::adjacent_find(at.begin(), at.end(), std::greater_equal<>()), at.end()) << tag;
}

TEST_F(Strangers, ResumingNothingSaysSo) {
  const auto result = run_cli(pretrain_args("m.safetensors", {"--max-steps", "1", "--resume"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("m.run holds no checkpoint: starting at step 0"), std::string::npos) << result.err;
  const auto quiet = run_cli(pretrain_args("q.safetensors", {"--max-steps", "1", "--quiet"}));
  ASSERT_EQ(quiet.exit_code, 0);
  EXPECT_EQ(quiet.err, "");
}

// Holds a TCP port of one kind of address as another program would.
class TakenPort {
 public:
  explicit TakenPort(int family) : fd_(::socket(family, SOCK_STREAM, 0)) {
    sockaddr_in6 address{};  // large enough for both
    address.sin6_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (family == AF_INET6) address.sin6_addr = in6addr_loopback;
    socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    good_ = fd_ >= 0 && ::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0 && ::listen(fd_, 1) == 0 &&
            ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0;
    port_ = ntohs(address.sin6_port);  // in the same place in both
  }
  ~TakenPort() { ::close(fd_); }
  bool good() const { return good_; }
  std::string port() const { return std::to_string(port_); }

 private:
  int fd_;
  bool good_ = false;
  uint16_t port_ = 0;
};

TEST_F(Strangers, ATakenPortIsNamedAtOnce) {
  for (const int family : {AF_INET, AF_INET6}) {
    const TakenPort taken(family);
    if (!taken.good()) continue;  // a machine without IPv6
    const auto begin = std::chrono::steady_clock::now();
    const auto result = run_cli(
        pretrain_args("m.safetensors"),
        {.env = {"WORLD_SIZE=2", "RANK=0", "LOCAL_RANK=0", "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + taken.port()}});
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.err,
              "fsfm: port " + taken.port() + " is in use; set MASTER_PORT to a free one, the same for all processes\n");
  }
}

TEST_F(Strangers, WaitingForTheOtherProcessesEndsWithASignal) {
  std::string free_port;
  { free_port = TakenPort(AF_INET).port(); }
  for (const char* rank : {"0", "1"}) {
    std::string command = "timeout --preserve-status -s TERM 4 \"$FSFM\"";
    for (const auto& arg : pretrain_args("m.safetensors")) command += " '" + arg + "'";
    const auto begin = std::chrono::steady_clock::now();
    const auto result = test::run_shell(command, {.env = {"WORLD_SIZE=2", std::string("RANK=") + rank, "LOCAL_RANK=0",
                                                          "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + free_port}});
    EXPECT_EQ(result.exit_code, 143) << result.err;
    EXPECT_EQ(result.err, "fsfm: interrupted before the processes had met\n");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
  }
}

TEST_F(Strangers, NumbersOfTheEnvironmentAreChecked) {
  const auto check = [&](std::vector<std::string> env, const std::string& part) {
    const auto result = run_cli(pretrain_args("m.safetensors"), {.env = std::move(env)});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(part), std::string::npos) << part << ": " << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  };
  check({"RANK=abc", "WORLD_SIZE=2"}, "RANK=abc");
  check({"RANK=-1", "WORLD_SIZE=2"}, "RANK=-1");
  check({"RANK=0", "WORLD_SIZE=0"}, "WORLD_SIZE=0");
  check({"WORLD_SIZE=2"}, "RANK is not set");
  check({"RANK=2", "WORLD_SIZE=2"}, "RANK=2 is not below WORLD_SIZE=2");
  check({"RANK=0", "WORLD_SIZE=2", "LOCAL_RANK=2", "MASTER_ADDR=127.0.0.1"}, "LOCAL_RANK=2");
  for (const char* port : {"99999999", "65536", "0", "x", "29500 "})
    check({"RANK=0", "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", std::string("MASTER_PORT=") + port},
          std::string("MASTER_PORT=") + port);
}

TEST_F(Strangers, TwoRunsOfTwoProcessesFinishTogether) {
  const std::vector<std::string> more = {"--nproc", "2", "--max-steps", "2"};
  const pid_t first = start_cli(pretrain_args("a.safetensors", more), dir_ / "err");
  const auto second = run_cli(pretrain_args("b.safetensors", more));
  int status = 0;
  ::waitpid(first, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << read_file(dir_ / "err");
  EXPECT_EQ(second.exit_code, 0) << second.err;
}

TEST_F(Strangers, AnInterruptedRunOfTwoProcessesDoesNotPassForADoneOne) {
  const pid_t child =
      start_cli(pretrain_args("m.safetensors", {"--nproc", "2", "--max-steps", "100000"}), dir_ / "err");
  const int status = signal_after(child, dir_ / "m.run", 2, SIGTERM);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 143) << read_file(dir_ / "err");
  EXPECT_TRUE(CheckpointFolder(dir_ / "m.run/checkpoints", 1).latest());
}

TEST_F(Strangers, AnInterruptedFineTuningStopsTheShellsAnd) {
  const int status = signal_after(start_cli(finetune_args("m.safetensors", {"--max-steps", "100000"}), dir_ / "err"),
                                  dir_ / "m.run", 2, SIGHUP);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 129) << read_file(dir_ / "err");
  EXPECT_FALSE(fs::exists(dir_ / "m.safetensors"));
}

TEST_F(Strangers, AGivenWarmupIsKeptAndAnImpossibleOneRefused) {
  const auto first_rate = [&](const std::string& run) {
    for (const auto& line : RunLog::read(dir_ / run))
      if (line["kind"] == "train" && line["step"] == 7) return line["lr"].get<double>();
    return 0.0;
  };
  // 12 steps, two epochs: at the seventh half of a warm-up of two is over.
  ASSERT_EQ(run_cli(finetune_args("given.safetensors", {"--warmup-epochs", "2", "--lr", "0.001"})).exit_code, 0);
  EXPECT_NEAR(first_rate("given.run"), 0.0005, 1e-9);
  const auto own = run_cli(finetune_args("own.safetensors", {"--lr", "0.001"}));
  ASSERT_EQ(own.exit_code, 0);
  EXPECT_NE(own.err.find("warm-up of 5 epochs is shortened to 0.4"), std::string::npos) << own.err;
  const auto refused = run_cli(finetune_args("long.safetensors", {"--warmup-epochs", "3"}));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--warmup-epochs 3 is longer than the whole run of 2 epochs"), std::string::npos)
      << refused.err;
}

TEST_F(Strangers, ADetectorOfPlainFoldersFindsFacesTheDefaultWay) {
  ASSERT_EQ(run_cli(finetune_args("m.safetensors", {"--max-steps", "1"})).exit_code, 0);
  const auto prepare_help = run_cli({"prepare", "--help"}).out;
  const std::string detector = ModelFile::open(dir_ / "m.safetensors").card().face_detector;
  EXPECT_NE(prepare_help.find("(default: " + detector + ")"), std::string::npos) << detector;
  // A card of an older version that says nothing means what it meant.
  EXPECT_EQ(ModelCard::from_json({{"name", "old"}}).face_detector, "dlib-hog");
}

TEST_F(Strangers, EveryRecipeOptionReadsBack) {
  for (const std::string command : {"pretrain", "finetune"}) {
    auto args =
        command == "pretrain"
            ? pretrain_args("odd \"q\" \\ é.safetensors", {"--max-steps", "1", "--seed", "18446744073709551615"})
            : finetune_args("odd2.safetensors", {"--max-steps", "1", "--seed", "9223372036854775808"});
    ASSERT_EQ(run_cli(args).exit_code, 0);
    const fs::path run = dir_ / (command == "pretrain" ? "odd \"q\" \\ é.run" : "odd2.run");
    const std::string recipe = read_file(run / "recipe.toml");
    const fs::path kept = dir_ / (command + ".toml");
    write_file_atomic(kept, recipe);
    const auto again = run_cli({command, "--recipe", kept.string(), "--overwrite"});
    ASSERT_EQ(again.exit_code, 0) << again.err << recipe;
    EXPECT_EQ(read_file(run / "recipe.toml"), recipe);
  }
}

}  // namespace
}  // namespace fsfm
