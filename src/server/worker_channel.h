// Messages between the service and a worker: [kind, 1 byte][length, 4 bytes][payload], descriptors with the first byte.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/clock.h"

namespace fsfm::server {

enum class Message : char {
  settings = 'C',  // to the worker: what to load; JSON
  hello = 'H',     // from it: ready; JSON about the model
  refused = 'F',   // it cannot start; the reason
  batch = 'B',     // to it: a JSON list of tasks, their contents as descriptors in the same order
  progress = 'P',  // from it: {"item","done","of"}
  result = 'R',    // one item is done; JSON
  problem = 'E',   // one item failed: {"item","status","type","detail"}
  done = 'D',      // the batch is over
};

struct Packet {
  Message kind;
  std::string payload;
  std::vector<int> fds{};  // the receiver's to close
};

inline constexpr size_t kMostBatch = 16;

// Throws Error when the other side is gone or `deadline` has passed.
void send_packet(int socket, Message kind, std::string_view payload, std::span<const int> fds = {},
                 Clock::time_point deadline = Clock::time_point::max());
// nullopt: the other side is gone (or sends what is no message). Throws Error when `deadline` has passed or `stop` says
// so, which is asked ten times a second.
std::optional<Packet> receive_packet(int socket, Clock::time_point deadline = Clock::time_point::max(),
                                     const std::function<bool()>& stop = {});

}  // namespace fsfm::server
