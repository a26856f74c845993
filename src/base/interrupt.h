// SIGINT/SIGTERM as a flag that long loops look at, so that work stops at a clean place.
#pragma once

namespace fsfm {

// Blocks both signals in this thread and all it starts later, and waits for them in a thread of its own; call it before
// other threads exist, and again in a forked child. A second SIGINT ends the program at once. There are no handlers on
// purpose: oneDNN's fp32 GEMM kernels point the stack register into the heap, where the frame of a handler would land.
void install_interrupt_handlers();
// True after SIGINT or SIGTERM: finish the current item, save, return.
bool interrupted();
// 0, SIGINT or SIGTERM.
int interrupt_signal();
// What an interrupted command exits with, as shells count: 130 after SIGINT, 143 after SIGTERM.
int interrupted_exit_code();

}  // namespace fsfm
