// paint_media FOLDER: painted faces as files for the tests of the page and for load tests: a photo, a group, a video.
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/videos.h"

int main(int argc, char** argv) {
  using namespace fsfm;
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  write_image(folder / "portrait.jpg", test::paint_photo(7, 1, 640, 480).image);
  write_image(folder / "group.jpg", test::paint_photo(11, 3, 960, 480).image);
  write_image(folder / "meadow.jpg", test::paint_background(5, 640, 480));
  // Two people, of whom the second comes later; for browsers, in the open codec VP8.
  test::write_video(folder / "clip.webm", 48, 12,
                    [](int i) {
                      Image canvas = test::paint_background(3, 640, 360);
                      test::paint_face_on(canvas, 7, {80 + 2 * i, 100, 170, 170});
                      if (i > 16) test::paint_face_on(canvas, 12, {420, 110, 160, 160});
                      return canvas;
                    },
                    {"-c:v", "libvpx", "-b:v", "1M"});
  return 0;
}
