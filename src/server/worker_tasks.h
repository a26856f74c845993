// What a worker does with one upload: judging is src/detect's, this is its doorstep.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace fsfm::server {

struct TaskInput {
  nlohmann::json task;  // {"op": "picture" | "video" | "embed" | "masks", "name", ...}
  std::span<const std::byte> bytes;
};

// Not thread-safe. Throws Error (settings, model); items fail by Problem or Error.
class WorkerTasks {
 public:
  // `settings`: model, foundation ("" = none), face_detector, min_face, threads, max_pixels, max_faces,
  // max_video_seconds. Opens all files that will ever be needed and warms the networks: afterwards nothing is opened.
  explicit WorkerTasks(const nlohmann::json& settings);
  ~WorkerTasks();

  // About the model: {"header", "card", "sha256"}; "header" is what every verdict document begins with.
  const nlohmann::json& hello() const;

  // Called once an item, in any order, with the answer or the exception that ended it.
  using Answer = std::function<void(size_t item, const nlohmann::json* answer, std::exception_ptr failure)>;
  using Progress = std::function<void(size_t item, int64_t done, int64_t of)>;
  // An answer: {"entry", "kind", "verdict", "score", "faces", "times": {"decode","find","judge"}}; only "entry" where
  // nothing is judged. Pictures of one call are judged together.
  void run(std::span<const TaskInput> inputs, const Answer& answer, const Progress& progress);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsfm::server
