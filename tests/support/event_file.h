// Reads TensorBoard event files back, as TensorBoard does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fsfm::test {

struct EventRecord {
  std::string message;
  bool sound;  // both checksums are right
};

// TFRecord framing: length, its masked CRC, message, its masked CRC.
std::vector<EventRecord> read_event_records(const std::filesystem::path& file);

// The steps of each curve and picture that TensorBoard shows for a folder: the files in the order of their names, where
// the start of a session takes away what is known of its step and later ones.
std::map<std::string, std::vector<int64_t>> shown_steps(const std::filesystem::path& folder);

}  // namespace fsfm::test
