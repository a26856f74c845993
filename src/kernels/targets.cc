#include "kernels/targets.h"

#include "kernels/highway.h"

namespace fsfm::kernels {

std::vector<Target> targets() {
  std::vector<Target> found;
  for (const int64_t id : hwy::SupportedAndGeneratedTargets()) found.push_back({id, hwy::TargetName(id)});
  return found;
}

ScopedTarget::ScopedTarget(const Target& target) { hwy::GetChosenTarget().Update(target.id); }
ScopedTarget::~ScopedTarget() { hwy::GetChosenTarget().Update(hwy::SupportedTargets()); }

}  // namespace fsfm::kernels
