// Judges pictures and videos on every core, one detector a thread: cmake -B build && cmake --build build
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fsfm/fsfm.hpp>
#include <mutex>
#include <thread>
#include <vector>

int main(int argc, char** argv) try {
  const std::vector<std::string> files(argv + 1, argv + argc);
  const auto model = fsfm::api::Model::open();
  std::atomic<size_t> next{0};
  std::atomic<int> failed{0};
  std::mutex output;
  const auto work = [&] {
    fsfm_options options{};
    options.threads = 1;  // of the network: the files already keep the cores busy
    fsfm::api::Detector detector(model, options);
    for (size_t i; (i = next++) < files.size();) {
      try {
        const auto result = detector.file(files[i]);
        const std::lock_guard lock(output);
        std::printf("%s: %s, P(attack) %.3f\n", files[i].c_str(), fsfm_verdict_text(result.verdict()), result.score());
      } catch (const fsfm::api::Error& error) {
        ++failed;
        const std::lock_guard lock(output);
        std::fprintf(stderr, "%s: %s\n", fsfm_status_text(error.status()), error.what());
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  }
  return failed == 0 ? 0 : 2;
} catch (const fsfm::api::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
