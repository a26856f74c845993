// The worker's side: a process of its own that looks at strangers' bytes.
#pragma once

namespace fsfm::server {

inline constexpr const char* kWorkerCommand = "__worker";  // fsfm __worker: not for people
inline constexpr int kWorkerSocket = 3;                    // the descriptor it talks through

// Loads what the first message asks for, shuts itself in (server/sandbox.h) and works until the service is gone.
// Returns the exit code.
int run_worker();

}  // namespace fsfm::server
