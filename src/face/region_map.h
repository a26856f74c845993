// What masking needs to know of a face: for each patch, which of the 11 parsing classes touch it (method.md section 2).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fsfm {

// LaPa classes; "right" is the subject's right (image left).
enum FaceClass : uint8_t {
  kBackground,
  kSkin,
  kRightBrow,
  kLeftBrow,
  kRightEye,
  kLeftEye,
  kNose,
  kUpperLip,
  kInnerMouth,
  kLowerLip,
  kHair
};
inline constexpr int kFaceClasses = 11;
extern const std::array<std::string_view, kFaceClasses> kFaceClassNames;
extern const std::array<std::array<uint8_t, 3>, kFaceClasses> kFaceClassColors;  // RGB, for pictures

// The eight region groups, in the order of method.md section 2.
enum RegionGroup : uint8_t { kBrows, kEyes, kNoseGroup, kMouth, kBoundary, kHairGroup, kSkinGroup, kBackgroundGroup };
inline constexpr int kRegionGroups = 8;
inline constexpr int kFacialGroups = 6;  // the ones CRFR-P chooses from
extern const std::array<std::string_view, kRegionGroups> kRegionGroupNames;

// Region groups (bit g = RegionGroup g) of every possible set of classes (bit c = FaceClass c).
inline constexpr int kClassSets = 1 << kFaceClasses;
extern const std::array<uint8_t, kClassSets> kGroupsOfClassSet;

// One 16-bit word a patch (bit c = class c is present in at least one of its pixels), row-major. 392 bytes for 14 x 14.
struct RegionMap {
  int grid_width = 0, grid_height = 0;
  std::vector<uint16_t> classes;

  int patches() const { return grid_width * grid_height; }
  // The groups patch p belongs to, bit g = RegionGroup g. Boundary = skin AND (hair OR background); the others = any of
  // their classes. Every patch of a parsing map belongs to at least one.
  uint8_t groups(int p) const { return kGroupsOfClassSet[classes[static_cast<size_t>(p)] & (kClassSets - 1)]; }
  bool in_group(int p, RegionGroup group) const { return groups(p) >> group & 1; }
  bool operator==(const RegionMap&) const = default;
};

// Builds the map from class indices [height * width]; both sides must be multiples of `patch` (throws Error otherwise,
// and for a class index above 10).
RegionMap make_region_map(std::span<const uint8_t> parsing, int width, int height, int patch = 16);

}  // namespace fsfm
