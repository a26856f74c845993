#include "report/face_gallery.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "data/store/open_dataset.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"

namespace fsfm::report {
namespace {

TEST(FaceGallery, ShowsRegionsAndPassesOverBrokenPictures) {
  test::TempDir dir;
  test::write_face_tree(dir.path(), "train", "real", 5, 3, 64, /*maps=*/true);
  std::ofstream(dir / "train/real/broken.jpg") << "no picture";
  const auto data = open_dataset(dir.path());
  const auto faces = face_gallery(*data, 10, 48);
  ASSERT_EQ(faces.size(), 5u);
  EXPECT_NE(faces[0].regions.rgb, faces[0].face.rgb);
  EXPECT_EQ(faces[0].key, face_gallery(*data, 1, 48)[0].key);  // the same choice at every call
  const Image sheet = gallery_sheet(faces, 2);
  EXPECT_EQ(sheet.width, 2 * 2 * 48 + 3 * 6);
  EXPECT_EQ(sheet.height, 3 * 48 + 4 * 6);
  EXPECT_THROW(gallery_sheet({}, 2), Error);
}

TEST(FaceGallery, ShowsEveryVideoBeforeASecondFrame) {
  test::TempDir dir;
  const Image face = test::paint_face(1, 32).image;
  fs::create_directories(dir / "real");
  for (const std::string video : {"a", "b"})
    for (const int frame : {0, 10, 20})
      write_image(dir / "real" / (video + "_frame_" + std::to_string(frame) + ".png"), face);
  const auto faces = face_gallery(*open_dataset(dir.path()), 2, 32);
  ASSERT_EQ(faces.size(), 2u);
  EXPECT_NE(faces[0].key.find("a_frame") == std::string::npos, faces[1].key.find("a_frame") == std::string::npos);
}

}  // namespace
}  // namespace fsfm::report
