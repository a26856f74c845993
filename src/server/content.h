// An upload, held outside the heap so that a worker can be handed it without a copy.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace fsfm::server {

// How many bytes of uploads may be held at once. Thread-safe.
struct ContentBudget {
  explicit ContentBudget(int64_t most) : most(most) {}
  const int64_t most;
  std::atomic<int64_t> held{0};
};

// Memory with a descriptor (memfd): written once, then only read. Thread-compatible.
class Content {
 public:
  // Throws Error when the system gives no memory file.
  explicit Content(std::shared_ptr<ContentBudget> budget);
  ~Content();
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  // False when the budget is used up.
  bool append(std::string_view bytes);
  int fd() const { return fd_; }
  int64_t size() const { return size_; }
  std::string head(size_t n) const;  // the first bytes
  std::string sha256() const;

 private:
  std::shared_ptr<ContentBudget> budget_;
  int fd_ = -1;
  int64_t size_ = 0;
};

}  // namespace fsfm::server
