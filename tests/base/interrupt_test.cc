#include "base/interrupt.h"

#include <dnnl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

namespace fsfm {
namespace {

// The exit status of `body`, run in a child process with the handling of signals installed.
int status_of(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    install_interrupt_handlers();
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

bool soon(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return condition();
}

TEST(Interrupt, SignalBecomesAFlag) {
  const int status = status_of([] {
    if (interrupted()) return 1;
    ::kill(::getpid(), SIGTERM);
    return soon(interrupted) && interrupt_signal() == SIGTERM ? 0 : 2;
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Interrupt, SecondSigintEndsTheProgram) {
  const int status = status_of([] {
    ::kill(::getpid(), SIGINT);
    if (!soon(interrupted)) return 1;
    ::kill(::getpid(), SIGINT);
    std::this_thread::sleep_for(std::chrono::seconds(5));
    return 2;
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
}

TEST(Interrupt, AClosedTerminalEndsWorkUnlessItIsIgnored) {
  const auto hang_up = [] {
    ::kill(::getpid(), SIGHUP);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return interrupted() ? interrupted_exit_code() : 0;
  };
  const int status = status_of(hang_up);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 129);
  std::signal(SIGHUP, SIG_IGN);  // as nohup starts a program
  const int ignored = status_of(hang_up);
  std::signal(SIGHUP, SIG_DFL);
  ASSERT_TRUE(WIFEXITED(ignored));
  EXPECT_EQ(WEXITSTATUS(ignored), 0);
}

TEST(Interrupt, TheFirstSignalDecidesTheExitCode) {
  const int status = status_of([] {
    if (interrupted_exit_code() != 143) return 1;  // the signal of another process of the run
    ::kill(::getpid(), SIGINT);
    if (!soon(interrupted)) return 2;
    ::kill(::getpid(), SIGTERM);  // a parent that passes it on
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return interrupted_exit_code();
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
}

// With a signal handler, the frame of a signal lands in the heap in front of the GEMM's workspace.
TEST(Interrupt, SignalsLeaveTheHeapOfARunningGemmAlone) {
  const int status = status_of([] {
    std::thread([] {
      for (;;) {
        ::kill(::getpid(), SIGTERM);
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    }).detach();
    const dnnl_dim_t m = 256, n = 192, k = 192;
    std::vector<float> a(m * k, 1), b(k * n, 1), c(m * n);
    for (int i = 0; i < 2000; ++i)
      if (dnnl_sgemm('N', 'T', m, n, k, 1, a.data(), k, b.data(), k, 0, c.data(), n) != dnnl_success) return 1;
    for (const float value : c)
      if (value != static_cast<float>(k)) return 2;
    return interrupted() ? 0 : 3;
  });
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace fsfm
