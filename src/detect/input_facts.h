// What is recorded of an input besides its verdict.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace fsfm {

struct InputFacts {
  std::string sha256{};        // of the whole input, 64 hex digits
  bool c2pa_manifest = false;  // media/provenance.h: present, not verified; never part of the score
  std::string judged_at{};     // UTC, "2026-01-31T12:00:00Z"
};

// Throws Error when the file cannot be read.
InputFacts input_facts(const std::filesystem::path& file);
InputFacts input_facts(std::span<const std::byte> bytes);

}  // namespace fsfm
