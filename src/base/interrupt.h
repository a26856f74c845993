// SIGINT/SIGTERM as a flag that long loops look at, so that work stops at a clean place.
#pragma once

namespace fsfm {

// Installs handlers (src/cli/main.cc does it once). A second SIGINT ends the program at once.
void install_interrupt_handlers();
// True after SIGINT or SIGTERM: finish the current item, save, return.
bool interrupted();
// 0, SIGINT or SIGTERM.
int interrupt_signal();

}  // namespace fsfm
