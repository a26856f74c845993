#include "face/region_map.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/class_bits.h"

namespace fsfm {

const std::array<std::string_view, kFaceClasses> kFaceClassNames = {
    "background", "skin",      "right brow",  "left brow", "right eye", "left eye",
    "nose",       "upper lip", "inner mouth", "lower lip", "hair"};

const std::array<std::array<uint8_t, 3>, kFaceClasses> kFaceClassColors = {{{38, 42, 51},
                                                                            {240, 196, 160},
                                                                            {122, 82, 48},
                                                                            {171, 120, 74},
                                                                            {52, 152, 219},
                                                                            {111, 207, 235},
                                                                            {243, 156, 18},
                                                                            {231, 76, 60},
                                                                            {123, 27, 56},
                                                                            {240, 128, 142},
                                                                            {108, 92, 170}}};

const std::array<std::string_view, kRegionGroups> kRegionGroupNames = {"eyebrows", "eyes", "nose", "mouth",
                                                                       "boundary", "hair", "skin", "background"};

namespace {

constexpr uint16_t bit(FaceClass c) { return static_cast<uint16_t>(1u << c); }
// Membership becomes one load.
constexpr std::array<uint8_t, kClassSets> kTable = [] {
  std::array<uint8_t, kClassSets> table{};
  for (unsigned set = 0; set < kClassSets; ++set) {
    const auto any = [set](unsigned classes) { return (set & classes) != 0; };
    const bool skin = any(bit(kSkin)), hair = any(bit(kHair)), background = any(bit(kBackground));
    const bool in[kRegionGroups] = {any(bit(kRightBrow) | bit(kLeftBrow)),
                                    any(bit(kRightEye) | bit(kLeftEye)),
                                    any(bit(kNose)),
                                    any(bit(kUpperLip) | bit(kInnerMouth) | bit(kLowerLip)),
                                    skin && (hair || background),
                                    hair,
                                    skin,
                                    background};
    for (int g = 0; g < kRegionGroups; ++g) table[set] |= static_cast<uint8_t>(in[g] << g);
  }
  return table;
}();

}  // namespace

const std::array<uint8_t, kClassSets> kGroupsOfClassSet = kTable;

namespace {

// OR of n bytes, eight at a time.
uint8_t or_bytes(const uint8_t* bytes, int n) {
  uint64_t wide = 0;
  uint8_t result = 0;
  for (; n >= 8; n -= 8, bytes += 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    wide |= word;
  }
  for (; n > 0; --n) result |= *bytes++;
  wide |= wide >> 32;
  wide |= wide >> 16;
  wide |= wide >> 8;
  return static_cast<uint8_t>(result | wide);
}

}  // namespace

RegionMap make_region_map(std::span<const uint8_t> parsing, int width, int height, int patch) {
  if (patch < 1 || width < patch || height < patch || width % patch || height % patch)
    throw Error("a parsing map of " + std::to_string(width) + " x " + std::to_string(height) +
                    " cannot be cut into patches of " + std::to_string(patch),
                "both sides must be multiples of the patch");
  if (parsing.size() != static_cast<size_t>(width) * static_cast<size_t>(height))
    throw Error("a parsing map of " + std::to_string(width) + " x " + std::to_string(height) + " has " +
                std::to_string(parsing.size()) + " values");

  RegionMap map{width / patch, height / patch, {}};
  map.classes.resize(static_cast<size_t>(map.patches()));
  // Columns first (all rows of a band of patches, vectorised), then each patch's columns.
  std::vector<uint8_t> columns;
  uint8_t fixed[2 * 1024];
  uint8_t* low = fixed;
  if (width > 1024) {
    columns.resize(2 * static_cast<size_t>(width));
    low = columns.data();
  }
  uint8_t* high = low + width;
  uint16_t* out = map.classes.data();
  for (int band = 0; band < map.grid_height; ++band) {
    const uint8_t* rows = parsing.data() + static_cast<size_t>(band) * patch * width;
    if (const uint8_t largest = kernels::or_class_bits(rows, width, patch, low, high); largest >= kFaceClasses)
      throw Error("a parsing map holds class " + std::to_string(largest), "classes are 0 to 10");
    for (int x = 0; x < width; x += patch)
      *out++ = static_cast<uint16_t>(or_bytes(low + x, patch) | or_bytes(high + x, patch) << 8);
  }
  return map;
}

}  // namespace fsfm
