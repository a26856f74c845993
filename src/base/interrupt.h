// SIGINT, SIGTERM and SIGHUP as a flag that long loops look at, so that work stops at a clean place.
#pragma once

#include <functional>
#include <stop_token>

namespace fsfm {

// Blocks the signals in this thread and all it starts later, and waits for them in a thread of its own; call it before
// other threads exist, and again in a forked child. A second SIGINT ends the program at once. SIGHUP (a closed
// terminal) counts unless it is ignored, as under nohup. There are no handlers on purpose: oneDNN's fp32 GEMM kernels
// point the stack register into the heap, where the frame of a handler would land.
void install_interrupt_handlers();
// Stops with the first of these signals: finish the current item, save, return. The program hands it to the library's
// long work, which knows nothing of signals.
std::stop_token interrupt_token();
// From now on SIGHUP calls this, in the waiting thread, instead of stopping the program; {} = stop again. For services,
// which take it for "load anew".
void on_hangup(std::function<void()> call);
// True after the first of these signals. Thread-safe.
bool interrupted();
// 0 or the first signal that came.
int interrupt_signal();
// What a command that was interrupted before its result was there exits with: 128 + the signal, as shells count;
// SIGTERM stands for a signal that another process of the same run had.
int interrupted_exit_code();

}  // namespace fsfm
