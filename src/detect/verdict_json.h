// Verdicts as JSON: the schema "fsfm.verdict/1" of docs/verdict-json.md.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "detect/detect.h"
#include "detect/input_facts.h"

namespace fsfm {

// The model that judged: what a document begins with, and the first line of many.
nlohmann::json verdict_header(const DetectorModel& model);

// One input's entry. File names that are no UTF-8 have those bytes as "%E9".
nlohmann::json verdict_entry(const std::filesystem::path& file, const std::vector<FaceVerdict>& faces,
                             const ModelCard& card, const InputFacts& facts);
nlohmann::json verdict_entry(const std::filesystem::path& file, const VideoVerdict& video, const ModelCard& card,
                             const InputFacts& facts);
nlohmann::json error_entry(const std::filesystem::path& file, const std::string& problem);
nlohmann::json skipped_entry(const std::filesystem::path& file, const std::string& why);

// On one line, always valid UTF-8.
std::string to_line(const nlohmann::json& value);

// The entries of a text that `fsfm detect --json` wrote: a document, or lines, of which a torn last one is passed over.
// Throws Error naming the file when it is neither.
std::vector<nlohmann::json> read_verdicts(const std::filesystem::path& file);

}  // namespace fsfm
