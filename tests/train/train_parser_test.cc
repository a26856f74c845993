// Views of labelled faces, and a tiny training run.
#include "train/parser/train_parser.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "face/region_map.h"
#include "face/sides.h"
#include "media/codec.h"
#include "model/model_file.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "train/parser/parse_augment.h"

namespace fsfm {
namespace {

using test::TempDir;

// A green "hair" band above a red "skin" field, 64 x 64.
LabelledFace two_fields(int border) {
  LabelledFace face{"two", Image(64, 64), std::vector<uint8_t>(64 * 64)};
  for (int i = 0; i < 64 * 64; ++i) {
    const bool hair = i / 64 < border;
    face.classes[i] = hair ? kHair : kSkin;
    face.image.rgb[i * 3 + (hair ? 1 : 0)] = 220;
  }
  return face;
}

TEST(RandomView, IsRepeatableAndKeepsClasses) {
  const auto face = two_fields(30);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Rng a(seed), b(seed);
    const auto first = random_view(face, 96, a), second = random_view(face, 96, b);
    EXPECT_EQ(first.image.rgb, second.image.rgb);
    EXPECT_EQ(first.classes, second.classes);
    EXPECT_EQ(first.image.width, 96);
    for (const uint8_t c : first.classes) EXPECT_TRUE(c == kHair || c == kSkin || c == kIgnoredClass);
  }
}

TEST(RandomView, MirroredFacesExchangeTheirSides) {
  EXPECT_EQ(mirrored_class(kRightEye), kLeftEye);
  EXPECT_EQ(mirrored_class(kLeftBrow), kRightBrow);
  EXPECT_EQ(mirrored_class(kNose), kNose);
  // Right eye on the image's left: whatever the view, it must stay on the image's left while the head is upright.
  LabelledFace face{"eyes", Image(64, 64), std::vector<uint8_t>(64 * 64, kRightEye)};
  for (int i = 0; i < 64 * 64; ++i) face.classes[i] = i % 64 < 32 ? kRightEye : kLeftEye;
  int upright = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Rng rng(seed);
    const auto view = random_view(face, 64, rng);
    double right = 0, left = 0, rights = 0, lefts = 0;
    for (int i = 0; i < 64 * 64; ++i) {
      if (view.classes[i] == kRightEye) right += i % 64, ++rights;
      if (view.classes[i] == kLeftEye) left += i % 64, ++lefts;
    }
    if (rights > 0 && lefts > 0 && right / rights < left / lefts) ++upright;
  }
  EXPECT_GE(upright, 27);  // all but the few turned by 90 degrees
}

TEST(TrainParser, LearnsAndGoesOnWhereItStopped) {
  const TempDir dir;
  std::vector<uint8_t> palette(256 * 3);
  for (int i = 0; i < 8; ++i) {
    const auto face = two_fields(20 + 3 * i);
    const std::string name = "f" + std::to_string(i);
    fs::create_directories(dir / "data/images");
    fs::create_directories(dir / "data/labels");
    write_image(dir / "data/images" / (name + ".png"), face.image);
    write_file_atomic(dir / "data/labels" / (name + ".png"), encode_palette_png(face.classes, 64, 64, palette));
  }
  TrainParserOptions options;
  options.data = {dir / "data"};
  options.val = dir / "data";
  options.layout = "lapa-11";
  options.out = dir / "whole";
  options.epochs = 3;
  options.batch_size = 4;
  options.small_size = 64;
  options.small_share = 1;
  options.eval_every = 100;
  options.threads = 1;
  double first = 0, last = 0;
  const auto whole = train_parser(
      options, [&](const TrainParserProgress& p) { (p.step == 1 ? first : last) = p.loss; }, [](int, const auto&) {});
  EXPECT_LT(last, first);
  EXPECT_EQ(whole.score.faces, 8u);
  EXPECT_NO_THROW(make_parser((dir / "whole/parser.safetensors").string()));

  // Finished: a second call takes no step and gives no new score.
  int steps = 0;
  train_parser(
      options, [&](const auto&) { ++steps; }, [](int, const auto&) {});
  EXPECT_EQ(steps, 0);

  // Ended in the middle of the second epoch of two steps: it goes on from the end of the first, to the same parser.
  options.out = dir / "parts";
  const auto end_at_third = [](const TrainParserProgress& p) {
    if (p.step == 3) throw Error("ended");
  };
  EXPECT_THROW(train_parser(options, end_at_third, [](int, const auto&) {}), Error);
  options.lr *= 2;  // another run
  EXPECT_NE(test::error_text([&] {
              train_parser(
                  options, [](const auto&) {}, [](int, const auto&) {});
            }).find("lr: 0.002 then, 0.004 now"),
            std::string::npos);
  options.lr /= 2;
  int64_t next = 3;
  train_parser(
      options, [&](const TrainParserProgress& p) { EXPECT_EQ(p.step, next++); }, [](int, const auto&) {});
  EXPECT_EQ(next, 7);
  const ModelFile a = ModelFile::open(dir / "whole/parser.safetensors"),
                  b = ModelFile::open(dir / "parts/parser.safetensors");
  for (const auto& [name, view] : a.tensors())
    EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), b.tensor(name).bytes.begin())) << name;
}

}  // namespace
}  // namespace fsfm
