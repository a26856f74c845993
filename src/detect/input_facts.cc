#include "detect/input_facts.h"

#include <ctime>

#include "base/hash.h"
#include "media/provenance.h"

namespace fsfm {
namespace {

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

}  // namespace

InputFacts input_facts(const std::filesystem::path& file) {
  return {sha256_file(file), has_c2pa_manifest(file), now_utc()};
}

InputFacts input_facts(std::span<const std::byte> bytes) {
  return {fsfm::sha256(bytes), has_c2pa_manifest(bytes), now_utc()};
}

}  // namespace fsfm
