#include "train/tensorboard.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/error.h"

namespace fsfm {
namespace {

static_assert(std::endian::native == std::endian::little, "event files are little-endian");

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Protocol Buffers wire format: a key (field number, wire type) before every value.
enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string key(int field, WireType type) { return varint(static_cast<uint64_t>(field) << 3 | type); }
std::string bytes_field(int field, std::string_view bytes) {
  return key(field, kBytes) + varint(bytes.size()) + std::string(bytes);
}
std::string varint_field(int field, int64_t value) {
  return key(field, kVarint) + varint(static_cast<uint64_t>(value));
}

// Field numbers of tensorflow/core/util/event.proto and summary.proto.
namespace event_field {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace value_field {
constexpr int kTag = 1, kSimpleValue = 2, kImage = 4;
}
namespace image_field {
constexpr int kHeight = 1, kWidth = 2, kColorspace = 3, kEncoded = 4;
}
constexpr int64_t kLastSecond = 9'999'999'998;  // names of more digits would sort elsewhere
constexpr int kSummaryValue = 1, kSessionStatus = 1, kSessionStart = 1, kRgb = 3;

uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return std::rotr(crc, 15) + 0xa282ead8u;
}

constexpr std::string_view kPrefix = "events.out.tfevents.";

// Now, but later than the files that are there: TensorBoard reads them by name, and a run may go on in the same second
// or on a machine whose clock is behind.
int64_t seconds_after_others(const std::filesystem::path& folder) {
  using namespace std::chrono;
  int64_t seconds = duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch()).count();
  std::error_code code;
  for (std::filesystem::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    int64_t theirs = 0;
    if (name.starts_with(kPrefix) &&
        std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), theirs).ec == std::errc() &&
        theirs < kLastSecond)
      seconds = std::max(seconds, theirs + 1);
  }
  return seconds;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0x82f63b78u : 0u);
      table[i] = value;
    }
    return table;
  }();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return ~crc;
}

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& folder, int64_t first_step) {
  std::error_code ignored;  // a failure shows when the file is opened
  std::filesystem::create_directories(folder, ignored);
  path_ = folder / fmt::format("{}{}.fsfm.{}.{}", kPrefix, seconds_after_others(folder), ::getpid(), first_step);
  file_.reset(std::fopen(path_.c_str(), "wb"));
  if (!file_)
    throw Error("cannot write " + path_.string() + ": " + std::strerror(errno), "check folder and permissions");
  event(0, bytes_field(event_field::kFileVersion, "brain.Event:2"));
  if (first_step > 0)
    event(first_step, bytes_field(event_field::kSessionLog, varint_field(kSessionStatus, kSessionStart)));
}

void TensorBoardWriter::event(int64_t step, std::string_view payload) {
  const double wall_time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string message = key(event_field::kWallTime, kFixed64) + raw(wall_time) +
                              varint_field(event_field::kStep, step) + std::string(payload);
  const std::string length = raw(static_cast<uint64_t>(message.size()));
  const std::string record = length + raw(masked_crc(length)) + message + raw(masked_crc(message));
  if (std::fwrite(record.data(), 1, record.size(), file_.get()) != record.size() || std::fflush(file_.get()) != 0)
    throw Error("cannot write " + path_.string() + ": " + std::strerror(errno), "free some space");
}

void TensorBoardWriter::scalars(int64_t step, const std::map<std::string, double>& values) {
  std::string summary;
  for (const auto& [tag, value] : values)
    summary +=
        bytes_field(kSummaryValue, bytes_field(value_field::kTag, tag) + key(value_field::kSimpleValue, kFixed32) +
                                       raw(static_cast<float>(value)));
  event(step, bytes_field(event_field::kSummary, summary));
}

void TensorBoardWriter::image(int64_t step, const std::string& tag, std::span<const std::byte> png, int width,
                              int height) {
  const std::string_view encoded(reinterpret_cast<const char*>(png.data()), png.size());
  const std::string image = varint_field(image_field::kHeight, height) + varint_field(image_field::kWidth, width) +
                            varint_field(image_field::kColorspace, kRgb) + bytes_field(image_field::kEncoded, encoded);
  event(step,
        bytes_field(event_field::kSummary, bytes_field(kSummaryValue, bytes_field(value_field::kTag, tag) +
                                                                          bytes_field(value_field::kImage, image))));
}

}  // namespace fsfm
