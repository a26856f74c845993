#include "media/codec_heif_parts.h"

#include <map>
#include <string_view>
#include <vector>

namespace fsfm::codec_detail {
namespace {

constexpr int kMostParts = 10'000;  // 100 million pixels in tiles of 128x128 are 6,104
constexpr int kDeepest = 8;         // alpha of a crop of a grid of tiles is 3

// Big-endian numbers of a box, one after the other; past its end they are zero.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  uint64_t take(size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i, ++at_)
      value = value << 8 | (at_ < bytes_.size() ? static_cast<uint8_t>(bytes_[at_]) : 0);
    return value;
  }
  bool has(uint64_t count) const { return at_ <= bytes_.size() && count <= bytes_.size() - at_; }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

// Calls visit(name, content) for each box that `bytes` begin with, one behind the other.
template <class Visit>
void for_each_box(std::string_view bytes, Visit&& visit) {
  while (bytes.size() >= 8) {
    Fields header(bytes);
    uint64_t length = header.take(4), begin = 8;
    header.take(4);  // the name
    const std::string_view name = bytes.substr(4, 4);
    if (length == 1) {
      length = header.take(8);
      begin = 16;
    }
    if (length == 0 || length > bytes.size()) length = bytes.size();  // to the end of the file; cut off
    if (length < begin) return;
    visit(name, bytes.substr(begin, length - begin));
    bytes.remove_prefix(length);
  }
}

class Parts {
 public:
  explicit Parts(Bytes file) {
    constexpr size_t kVersion = 4;  // and flags, of "full" boxes
    const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
    for_each_box(bytes, [&](std::string_view name, std::string_view meta) {
      if (name != "meta" || meta.size() < kVersion) return;
      for_each_box(meta.substr(kVersion), [&](std::string_view inner, std::string_view iref) {
        if (inner != "iref" || iref.size() < kVersion) return;
        const size_t width = iref[0] == 0 ? 2 : 4;
        for_each_box(iref.substr(kVersion),
                     [&](std::string_view kind, std::string_view list) { add(kind, Fields(list), width); });
      });
    });
  }

  const char* problem(uint32_t item) {
    visits_ = 0;
    problem_ = "";
    visit(item);
    return problem_;
  }

 private:
  void add(std::string_view kind, Fields list, size_t width) {
    if (kind != "dimg" && kind != "auxl") return;
    const auto from = static_cast<uint32_t>(list.take(width));
    for (uint64_t left = list.take(2); left > 0 && list.has(width); --left) {
      const auto to = static_cast<uint32_t>(list.take(width));
      // An alpha plane refers to its picture, everything else to its parts.
      if (kind == "auxl")
        parts_[to].push_back(from);
      else
        parts_[from].push_back(to);
    }
  }

  void visit(uint32_t item) {
    const auto found = parts_.find(item);
    if (++visits_ > kMostParts) problem_ = "it is made of too many parts";
    if (above_.size() > kDeepest) problem_ = "its parts are made of parts without end";
    for (const uint32_t above : above_)
      if (above == item) problem_ = "it is made of itself";
    if (*problem_ || found == parts_.end()) return;
    above_.push_back(item);
    for (const uint32_t part : found->second) {
      visit(part);
      if (*problem_) break;
    }
    above_.pop_back();
  }

  std::map<uint32_t, std::vector<uint32_t>> parts_;
  std::vector<uint32_t> above_;
  int visits_ = 0;
  const char* problem_ = "";
};

}  // namespace

const char* heif_parts_problem(Bytes file, uint32_t item) { return Parts(file).problem(item); }

}  // namespace fsfm::codec_detail
