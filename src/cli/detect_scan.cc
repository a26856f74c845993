#include "cli/detect_scan.h"

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/parallel.h"

namespace fsfm::cli {
namespace {

// One network a worker: few enough that they all fit.
int workers_for(const DetectorModel& model, int threads, size_t inputs) {
  constexpr uint64_t kRoom = uint64_t{4} << 30;
  uint64_t weights = 1;
  for (const auto& [name, tensor] : model.file().tensors()) weights += static_cast<uint64_t>(tensor.count()) * 4;
  const uint64_t fitting = std::max<uint64_t>(1, kRoom / weights);
  return static_cast<int>(std::min<uint64_t>({static_cast<uint64_t>(thread_count(threads)), fitting, inputs}));
}

// Puts the results of several workers in order.
class InOrder {
 public:
  InOrder(size_t window, const std::function<void(size_t, Judged)>& emit) : window_(window), emit_(emit) {}

  // Waits until `input` is not too far ahead of what has been handed on. False: the work ends early.
  bool may_start(size_t input) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || input < next_ + window_; });
    return !ended_;
  }

  void put(size_t input, Judged judged) {
    std::lock_guard lock(mutex_);
    ready_.emplace(input, std::move(judged));
    while (!ready_.empty() && ready_.begin()->first == next_) {
      hand_on_first();
      ++next_;
    }
    changed_.notify_all();
  }

  // Some result will not come: nobody is to wait for it.
  void end() {
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  // Hands on what waits for results that did not come.
  void finish() {
    while (!ready_.empty()) hand_on_first();
  }

 private:
  void hand_on_first() {
    auto node = ready_.extract(ready_.begin());
    try {
      emit_(node.key(), std::move(node.mapped()));
    } catch (...) {
      ended_ = true;
      changed_.notify_all();
      throw;
    }
  }

  const size_t window_;
  const std::function<void(size_t, Judged)>& emit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<size_t, Judged> ready_;
  size_t next_ = 0;
  bool ended_ = false;
};

}  // namespace

StageTimes judge_all(const std::shared_ptr<const DetectorModel>& model, const DetectRequest& request,
                     const std::vector<DetectInput>& inputs, const std::vector<std::byte>& standard_input,
                     const std::function<void(size_t input, Judged judged)>& emit) {
  const size_t judged_inputs = static_cast<size_t>(
      std::count_if(inputs.begin(), inputs.end(), [](const DetectInput& input) { return input.judged(); }));
  const int workers = std::max(1, workers_for(*model, request.detect.threads, judged_inputs));
  DetectOptions options = request.detect;
  options.threads = std::max(1, thread_count(request.detect.threads) / workers);
  std::vector<std::unique_ptr<Detector>> detectors(static_cast<size_t>(workers));
  std::vector<StageTimes> times(detectors.size());
  // The first is made before the work: what is wrong with the model or its face detector is said once.
  detectors[0] = std::make_unique<Detector>(model, options);
  // A window of results: a long video does not stop the others at once, and annotated pictures are large.
  InOrder order(static_cast<size_t>(workers) * (request.out.empty() ? 16 : 2), emit);
  parallel_for(inputs.size(), workers, [&](size_t i, int worker) {
    try {
      if (request.detect.stop.stop_requested()) return order.end();
      if (!order.may_start(i)) return;
      auto& detector = detectors[static_cast<size_t>(worker)];
      if (!detector) detector = std::make_unique<Detector>(model, options);
      Judged judged = judge_input(*detector, inputs[i], request, standard_input, times[static_cast<size_t>(worker)]);
      if (judged.entry.is_null()) return order.end();
      order.put(i, std::move(judged));
    } catch (...) {
      order.end();
      throw;
    }
  });
  order.finish();
  StageTimes sum;
  for (const auto& time : times) sum += time;
  for (const auto& detector : detectors)
    if (detector) sum += detector->times();
  return sum;
}

}  // namespace fsfm::cli
