#include "support/event_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/file.h"

namespace fsfm::test {
namespace {

// CRC-32C bit by bit, not by the writer's table.
uint32_t masked_crc(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0u);
  }
  return std::rotr(~crc, 15) + 0xa282ead8u;
}

template <class T>
T number_at(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

uint64_t varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= uint64_t{byte & 127u} << shift;
    if (byte < 128) break;
  }
  return value;
}

struct Field {
  uint64_t number, value = 0;   // of a varint
  std::string_view bytes = {};  // of anything else
};

// The fields of one Protocol Buffers message.
std::vector<Field> fields(std::string_view message) {
  std::vector<Field> all;
  while (!message.empty()) {
    const uint64_t key = varint(message);
    Field field{.number = key >> 3};
    if ((key & 7) == 0) {
      field.value = varint(message);
    } else {
      const size_t size = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : static_cast<size_t>(varint(message));
      field.bytes = message.substr(0, size);
      message.remove_prefix(std::min(size, message.size()));
    }
    all.push_back(field);
  }
  return all;
}

}  // namespace

std::vector<EventRecord> read_event_records(const fs::path& path) {
  const std::string file = read_file(path);
  std::vector<EventRecord> records;
  for (size_t at = 0; at + 16 <= file.size();) {
    const auto length = number_at<uint64_t>(file, at);
    if (length > file.size() - at - 16) break;  // a killed writer's last record
    std::string message = file.substr(at + 12, length);
    const bool sound = number_at<uint32_t>(file, at + 8) == masked_crc(std::string_view(file).substr(at, 8)) &&
                       number_at<uint32_t>(file, at + 12 + length) == masked_crc(message);
    records.push_back({std::move(message), sound});
    at += 16 + length;
  }
  return records;
}

std::map<std::string, std::vector<int64_t>> shown_steps(const fs::path& folder) {
  std::map<std::string, std::vector<int64_t>> shown;
  auto files =
      list_files(folder, [](const fs::path& p) { return p.filename().string().starts_with("events.out.tfevents."); });
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    for (const auto& record : read_event_records(file)) {
      int64_t step = 0;
      for (const auto& field : fields(record.message)) {
        if (field.number == 2) step = static_cast<int64_t>(field.value);
        if (field.number == 7)  // SessionLog { status: START }
          for (auto& [tag, steps] : shown) std::erase_if(steps, [&](int64_t earlier) { return earlier >= step; });
        if (field.number != 5) continue;
        for (const auto& value : fields(field.bytes))
          for (const auto& part : fields(value.bytes))
            if (part.number == 1) shown[std::string(part.bytes)].push_back(step);
      }
    }
  }
  return shown;
}

}  // namespace fsfm::test
