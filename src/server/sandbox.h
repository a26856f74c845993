// Shuts a process in before it looks at a stranger's bytes.
#pragma once

#include <cstdint>

namespace fsfm::server {

// From here on the process (and threads it starts) can compute, use memory and talk through descriptors it holds: no
// files, no network, no other processes. Everything that is needed must be loaded before. Other system calls answer
// EPERM; the process cannot be traced or leave core files. `memory_mb` bounds its address space beyond what it holds
// now. Throws Error when the kernel refuses: then nothing may be decoded.
void enter_sandbox(int64_t memory_mb);

}  // namespace fsfm::server
