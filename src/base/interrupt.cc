#include "base/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

namespace fsfm {
namespace {

std::atomic<int> g_signal{0};  // the first that came

std::stop_source& stop_source() {
  static std::stop_source source;
  return source;
}

std::mutex g_hangup_mutex;
std::function<void()> g_hangup;

void note(int signal) {
  if (signal == SIGHUP) {
    std::lock_guard lock(g_hangup_mutex);
    if (g_hangup) return g_hangup();
  }
  int first = 0;
  if (!g_signal.compare_exchange_strong(first, signal) && first == SIGINT && signal == SIGINT) ::_exit(128 + SIGINT);
  stop_source().request_stop();
}

bool is_ignored(int signal) {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_IGN;
}

}  // namespace

void install_interrupt_handlers() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (!is_ignored(SIGHUP)) sigaddset(&signals, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    for (int signal = 0;;)
      if (::sigwait(&signals, &signal) == 0) note(signal);
  }).detach();
}

void on_hangup(std::function<void()> call) {
  std::lock_guard lock(g_hangup_mutex);
  g_hangup = std::move(call);
}

std::stop_token interrupt_token() { return stop_source().get_token(); }
bool interrupted() { return g_signal.load(std::memory_order_relaxed) != 0; }
int interrupt_signal() { return g_signal.load(std::memory_order_relaxed); }
int interrupted_exit_code() { return 128 + (interrupted() ? interrupt_signal() : SIGTERM); }

}  // namespace fsfm
