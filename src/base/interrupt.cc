#include "base/interrupt.h"

#include <unistd.h>

#include <csignal>
#include <thread>

namespace fsfm {
namespace {

volatile std::sig_atomic_t g_signal = 0;

void note(int signal) {
  if (g_signal == SIGINT && signal == SIGINT) ::_exit(130);
  g_signal = signal;
}

}  // namespace

void install_interrupt_handlers() {
  ::signal(SIGXFSZ, SIG_IGN);  // a file too large for the user's limit is an error of write(), not a death
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    for (int signal = 0;;)
      if (::sigwait(&signals, &signal) == 0) note(signal);
  }).detach();
}

bool interrupted() { return g_signal != 0; }
int interrupt_signal() { return g_signal; }
int interrupted_exit_code() { return 128 + g_signal; }

}  // namespace fsfm
