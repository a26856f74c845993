// Many inputs judged at once, their results handed on in the order of the inputs.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cli/detect_judge.h"

namespace fsfm::cli {

// Calls `emit` with every input's result, in order and from one thread at a time. One input gets all threads; several
// are spread over workers of one thread, as many as there are cores, as long as their networks fit in a few GiB.
// Results wait for earlier ones, but never many: memory does not grow with the number of inputs. Interrupted, it ends
// early; what was judged by then is handed on, still in order. Returns where the time went. Throws what `emit` throws.
StageTimes judge_all(const std::shared_ptr<const DetectorModel>& model, const DetectRequest& request,
                     const std::vector<DetectInput>& inputs, const std::vector<std::byte>& standard_input,
                     const std::function<void(size_t input, Judged judged)>& emit);

}  // namespace fsfm::cli
