#include "detect/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "detect/plant_fault.h"
#include "face/reconstruct.h"
#include "face/region_map.h"
#include "media/preprocess.h"
#include "media/resize.h"
#include "report/detect_page.h"
#include "support/face_painter.h"
#include "support/paths.h"

namespace fsfm {
namespace {

constexpr int kSide = 224, kPatch = 16, kGrid = kSide / kPatch;

// How much the pixels of a patch differ from each other: what hiding takes away.
double texture(std::span<const float> image, int patch) {
  double sum = 0, squares = 0;
  for (int y = 0; y < kPatch; ++y)
    for (int x = 0; x < kPatch; ++x) {
      const double value = image[static_cast<size_t>(patch / kGrid * kPatch + y) * kSide + patch % kGrid * kPatch + x];
      sum += value;
      squares += value * value;
    }
  return squares / (kPatch * kPatch) - std::pow(sum / (kPatch * kPatch), 2);
}

// A network that reads only `patches` and takes their texture for a forgery (`sign` 1) or for life (-1).
AttackOdds reads_only(std::vector<int> patches, double sign = 1) {
  return [=](std::span<const float> images, int batch) {
    std::vector<double> odds(static_cast<size_t>(batch));
    const size_t values = images.size() / odds.size();
    for (size_t i = 0; i < odds.size(); ++i)
      for (const int p : patches) odds[i] += sign * 100 * texture(images.subspan(i * values, values), p);
    return odds;
  };
}

// Knows the painted face and gives its own map, whatever it is shown.
class PaintedParser : public FaceParser {
 public:
  explicit PaintedParser(std::vector<uint8_t> classes) : map_{kSide, kSide, std::move(classes)} {}
  ParsingMap parse(const Image&) override { return map_; }
  std::string name() const override { return "painted"; }

 private:
  ParsingMap map_;
};

class Explain : public testing::Test {
 protected:
  Explain() : face_(test::paint_face(4)), input_(3 * kSide * kSide) {
    normalize_to_chw(face_.image, {}, input_);
    regions_ = make_region_map(face_.parsing, kSide, kSide, kPatch);
  }
  std::vector<int> patches_of(RegionGroup group) const {
    std::vector<int> patches;
    for (int p = 0; p < regions_.patches(); ++p)
      if (regions_.in_group(p, group)) patches.push_back(p);
    return patches;
  }
  // Those of them in the left half of the picture: what is hidden shows the other half.
  std::vector<int> left_patches_of(RegionGroup group) const {
    std::vector<int> patches = patches_of(group);
    std::erase_if(patches, [](int p) { return p % kGrid >= kGrid / 2; });
    return patches;
  }
  // A fine grid over these patches.
  std::vector<float> spoilt(const std::vector<int>& patches) const {
    auto image = input_;
    for (const int p : patches)
      for (int c = 0; c < 3; ++c)
        for (int y = 0; y < kPatch; ++y)
          for (int x = 0; x < kPatch; ++x)
            image[static_cast<size_t>((c * kSide + p / kGrid * kPatch + y) * kSide + p % kGrid * kPatch + x)] =
                (x + y) % 2 == 0 ? 1.0f : -1.0f;
    return image;
  }
  Explanation explained(const AttackOdds& odds, const std::vector<int>& spoilt_patches = {}) const {
    return explain(spoilt(spoilt_patches), regions_, mirrored_patches(kSide), odds);
  }

  test::PaintedFace face_;
  std::vector<float> input_;
  RegionMap regions_;
};

TEST_F(Explain, TheMapIsHighestWhereTheNetworkLooks) {
  for (const int seen : {0, 5 * kGrid + 3, kGrid * kGrid - 1}) {
    const auto map = occlusion_map(spoilt({seen}), kGrid, 4, mirrored_patches(kSide), reads_only({seen}));
    ASSERT_EQ(map.size(), static_cast<size_t>(kGrid * kGrid));
    EXPECT_EQ(map[static_cast<size_t>(seen)], *std::max_element(map.begin(), map.end()));
    EXPECT_GT(map[static_cast<size_t>(seen)], 0);
    // What no window shares with it says nothing.
    const int far = seen < kGrid * kGrid / 2 ? kGrid * kGrid - 1 : 0;
    EXPECT_NEAR(map[static_cast<size_t>(far)], 0, 1e-4);
  }
}

TEST_F(Explain, TheRegionThatTheNetworkReadsIsNamed) {
  const auto mouth = left_patches_of(kMouth), eyes = left_patches_of(kEyes);
  const Explanation for_attack = explained(reads_only(mouth), mouth);
  EXPECT_EQ(for_attack.regions.front().region, kMouth) << for_attack.sentence;
  EXPECT_EQ(for_attack.sentence, "the mouth speaks most for a forgery");
  EXPECT_EQ(for_attack.regions.front().patches, patches_of(kMouth));
  const Explanation against = explained(reads_only(eyes, -1), eyes);
  EXPECT_EQ(against.sentence, "the eyes speak most against a forgery");
}

TEST_F(Explain, AScoreThatNothingMovesHasNoReason) {
  const Explanation flat =
      explained([](std::span<const float>, int batch) { return std::vector<double>(static_cast<size_t>(batch), 2.0); });
  EXPECT_EQ(flat.sentence, "no single part of the face decides the score");
  for (const float value : flat.map) EXPECT_EQ(value, 0);
}

TEST_F(Explain, AHiddenPatchShowsTheMirroredPlace) {
  constexpr int kHidden = 5 * kGrid + 2, kMirrored = 5 * kGrid + kGrid - 1 - 2;
  std::vector<uint8_t> hidden(kGrid * kGrid);
  hidden[kHidden] = 1;
  const auto after = mirrored_patches(kSide)(input_, hidden);
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x) {
        const size_t row = (static_cast<size_t>(c) * kSide + static_cast<size_t>(y)) * kSide;
        const bool inside = y / kPatch * kGrid + x / kPatch == kHidden;
        ASSERT_EQ(after[row + static_cast<size_t>(x)], input_[row + static_cast<size_t>(inside ? kSide - 1 - x : x)]);
      }
  EXPECT_NEAR(texture(after, kHidden), texture(input_, kMirrored), 1e-6);
}

TEST_F(Explain, LogOddsAreThoseOfAllAttackClasses) {
  const std::vector<float> logits = {1.0f, 2.0f, 0.5f, 100.0f, -100.0f, 0.0f};
  const std::vector<uint8_t> is_attack = {1, 0, 1};
  const auto odds = attack_odds(logits, is_attack, 2.0);
  EXPECT_NEAR(odds[0], std::log(std::exp(0.5) + std::exp(0.25)) - 1.0, 1e-6);
  EXPECT_GT(odds[1], 40);
  EXPECT_TRUE(std::isfinite(odds[1]));
}

TEST_F(Explain, ThePaintedMapIsRedWhereTheNetworkLooksAndElsewhereThePicture) {
  const auto patches = left_patches_of(kMouth);
  Explanation mouth = explained(reads_only(patches), patches);
  mouth.view = face_.image;
  const Image painted = paint_map(mouth);
  const int p = patches[patches.size() / 2];
  const ptrdiff_t x = p % kGrid * kPatch + kPatch / 2;
  const int y = p / kGrid * kPatch + kPatch / 2;
  EXPECT_GT(painted.row(y)[3 * x] + 20, face_.image.row(y)[3 * x]);
  EXPECT_LT(painted.row(y)[3 * x + 2], face_.image.row(y)[3 * x + 2]);
  EXPECT_EQ(painted.row(2)[0], face_.image.row(2)[0]);
}

TEST_F(Explain, AFaceIsRepaintedFromAQuarterOfIt) {
  FaceReconstructor painter(ModelFile::open(test::source_dir() / "models/fsfm-foundation.safetensors"), 1);
  PaintedParser parser(face_.parsing);
  const Image painted = repaint(face_.image, parser, painter);
  ASSERT_EQ(painted.width, kSide);
  int kept = 0;
  for (int p = 0; p < kGrid * kGrid; ++p) {
    bool same = true;
    for (int y = p / kGrid * kPatch; y < (p / kGrid + 1) * kPatch; ++y)
      same &= std::equal(painted.row(y) + p % kGrid * kPatch * 3, painted.row(y) + (p % kGrid + 1) * kPatch * 3,
                         face_.image.row(y) + p % kGrid * kPatch * 3);
    kept += same;
  }
  EXPECT_GE(kept, 49);  // of 196; a plain patch may be painted as it is
  EXPECT_LT(kept, 120);
  EXPECT_EQ(repaint(face_.image, parser, painter).rgb, painted.rgb);
  EXPECT_EQ(repaint(resize(face_.image, 64, 64), parser, painter).width, kSide);  // a detector's view may be smaller
  // The page shows it with the face, and says what it is.
  Explanation explanation = explained(reads_only({5 * kGrid + 3}));
  explanation.view = face_.image;
  explanation.repainted = painted;
  FaceVerdict face{.face = {.box = {20, 20, 100, 100}}, .crop = {0, 0, kSide, kSide}};
  face.explanation = explanation;
  const report::Shot shot = report::picture_shot(face_.image, {face});
  ASSERT_EQ(shot.repainted.size(), 1u);
  EXPECT_FALSE(shot.repainted[0].empty());
  face.explanation->repainted = {};
  EXPECT_TRUE(report::picture_shot(face_.image, {face}).repainted[0].empty());
}

TEST(PlantedFaults, ChangeTheirPlaceAlone) {
  const auto face = test::paint_face(1), donor = test::paint_face(2);
  const ParsingMap parsed{kSide, kSide, face.parsing}, donor_parsed{kSide, kSide, donor.parsing};
  const RegionMap regions = make_region_map(face.parsing, kSide, kSide, kPatch);
  for (const Fault fault : kFaults) {
    const auto planted = plant_fault(fault, face.image, parsed, donor.image, donor_parsed, kGrid);
    ASSERT_TRUE(planted) << fault_name(fault);
    int in_region = 0, spoilt = 0;
    for (int p = 0; p < kGrid * kGrid; ++p) {
      if (!planted->spoilt[static_cast<size_t>(p)]) continue;
      ++spoilt;
      for (int g = 0; g < kRegionGroups; ++g)
        in_region +=
            is_region_of(fault, static_cast<RegionGroup>(g)) && regions.in_group(p, static_cast<RegionGroup>(g));
    }
    EXPECT_GT(spoilt, 2) << fault_name(fault);
    EXPECT_LT(spoilt, 60) << fault_name(fault);
    EXPECT_GT(in_region, spoilt / 2) << fault_name(fault);
    EXPECT_NE(planted->image.rgb, face.image.rgb);
    EXPECT_EQ(planted->image.row(0)[0], face.image.row(0)[0]);
  }
  const ParsingMap none{kSide, kSide, std::vector<uint8_t>(kSide * kSide)};
  EXPECT_FALSE(plant_fault(Fault::mouth, face.image, none, donor.image, donor_parsed, kGrid));
}

}  // namespace
}  // namespace fsfm
