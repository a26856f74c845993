#include "data/shared_files.h"

#include <unordered_set>
#include <vector>

#include "base/hash.h"
#include "base/parallel.h"

namespace fsfm {
namespace {

std::vector<std::string> contents(const Dataset& dataset, int threads) {
  std::vector<std::string> hashes(dataset.samples().size());
  parallel_for(hashes.size(), threads, [&](size_t i, int) {
    try {
      hashes[i] = sha256(dataset.load_encoded(i));
    } catch (const std::exception&) {  // reported where the picture is looked at
    }
  });
  return hashes;
}

}  // namespace

SharedFiles shared_files(const Dataset& a, const Dataset& b, int threads) {
  const std::vector<std::string> ours = contents(a, threads), theirs = contents(b, threads);
  const std::unordered_set<std::string> known(theirs.begin(), theirs.end());
  SharedFiles shared;
  for (size_t i = 0; i < ours.size(); ++i) {
    if (ours[i].empty() || !known.contains(ours[i])) continue;
    if (shared.count++ == 0) shared.example = a.location(i);
  }
  return shared;
}

}  // namespace fsfm
