// Reads what a client sends: one picture or video as the body, or several as multipart/form-data.
#pragma once

#include <vector>

#include "server/route.h"

namespace fsfm::server {

// What is read of a body that nobody wants, so that its sender sees the answer.
constexpr size_t kMostThrownAway = 8 << 20;

// Every file is measured while it comes: bytes, number, kind, time. Throws Problem 400, 408, 413, 415, 503.
std::vector<Upload> read_uploads(Call& call, int most_files);

}  // namespace fsfm::server
