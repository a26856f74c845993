// The commands of docs/datasets.md, run as they are written there on miniature look-alikes of the published trees.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/record.h"
#include "data/store/open_dataset.h"
#include "face/face_detector.h"
#include "media/codec.h"
#include "media/resize.h"
#include "prepare/layouts/layout.h"
#include "support/face_painter.h"
#include "support/onnx_writer.h"
#include "support/paths.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/videos.h"

namespace fsfm::test {
namespace {

using Counts = std::map<std::string, int>;  // "split/class" -> faces

// One row of the table: the command in the cell that begins with `fsfm prepare LAYOUT`.
std::string documented_command(const std::string& layout) {
  const std::string text = read_file(test::source_dir() / "docs/datasets.md"),
                    begin = "| `fsfm prepare " + layout + " ";
  const size_t at = text.find(begin);
  return at == std::string::npos ? "" : text.substr(at + 3, text.find('`', at + 3) - at - 3);
}

class Tree {
 public:
  explicit Tree(const fs::path& root) : root_(root) {}
  void text(const fs::path& name, const std::string& content) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << content;
  }
  void photo(const fs::path& name) {
    fs::create_directories((root_ / name).parent_path());
    write_image(root_ / name, paint_photo(4 + people_++ % 2, 1, 280, 300).image);
  }
  void crop(const fs::path& name) {
    fs::create_directories((root_ / name).parent_path());
    write_image(root_ / name, paint_face(people_++, 120).image);
  }
  void video(const fs::path& name) {
    fs::create_directories((root_ / name).parent_path());
    write_video(root_ / name, 2, 10, [&](int) { return paint_photo(4, 1, 280 + 20 * (people_ % 8), 300).image; });
    ++people_;
  }

 private:
  fs::path root_;
  uint64_t people_ = 0;
};

struct Published {
  const char* layout;
  void (*draw)(Tree&);
  Counts expected;
};

void draw_ffpp(Tree& tree) {
  const fs::path root = "FaceForensics";
  tree.text(root / "dataset/splits/train.json", R"([["071","054"]])");
  tree.text(root / "dataset/splits/val.json", R"([["720","672"]])");
  tree.text(root / "dataset/splits/test.json", R"([["953","974"]])");
  for (const char* name : {"071", "720", "953"})
    tree.video(root / "original_sequences/youtube/c23/videos" / (std::string(name) + ".mp4"));
  for (const char* method : {"Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"})
    tree.video(root / "manipulated_sequences" / method / "c23/videos/071_054.mp4");
}

const Published kPublished[] = {
    {"folder",
     [](Tree& tree) {
       tree.photo("photos/a.png");
       tree.video("photos/b.mp4");
     },
     {{"/real", 3}}},
    {"classes",
     [](Tree& tree) {
       for (const char* name : {"train/real/a.png", "train/fake/b.png", "test/real/c.png", "test/fake/d.png"})
         tree.crop(fs::path("crops") / name);
     },
     {{"train/real", 1}, {"train/fake", 1}, {"test/real", 1}, {"test/fake", 1}}},
    {"list",
     [](Tree& tree) {
       tree.photo("a.png");
       tree.photo("b.png");
       tree.text("faces.txt", "a.png real\nb.png fake\n");
     },
     {{"/real", 1}, {"/fake", 1}}},
    {"csv",
     [](Tree& tree) {
       tree.photo("a.png");
       tree.photo("b.png");
       tree.text("faces.csv", "path,label,split,video,frame\na.png,real,train,v1,7\nb.png,print,dev,v2,\n");
     },
     {{"train/real", 1}, {"val/print", 1}}},
    {"vggface2", [](Tree& tree) { tree.photo("VGGFace2/train/n000001/0001_01.png"); }, {{"/real", 1}}},
    {"ytf",
     [](Tree& tree) {
       tree.photo("YouTubeFaces/frame_images_DB/Ann_Lee/0/0.123.png");
       tree.photo("YouTubeFaces/frame_images_DB/Bo/2/2.5.png");
     },
     {{"/real", 2}}},
    {"ffpp", draw_ffpp, {{"train/real", 2}, {"val/real", 2}, {"test/real", 2}, {"train/fake", 8}}},
    {"dfd",
     [](Tree& tree) {
       tree.video("FaceForensics/original_sequences/actors/c23/videos/01__exit.mp4");
       tree.video("FaceForensics/manipulated_sequences/DeepFakeDetection/c23/videos/01_02__exit__YVGY8LOK.mp4");
     },
     {{"test/real", 2}, {"test/fake", 2}}},
    {"celebdf",
     [](Tree& tree) {
       for (const char* name : {"Celeb-real/id0_0001", "YouTube-real/00170", "Celeb-synthesis/id0_id1_0000",
                                "Celeb-synthesis/id1_id0_0000"})
         tree.video("Celeb-DF-v2/" + std::string(name) + ".mp4");
       tree.text("Celeb-DF-v2/List_of_testing_videos.txt",
                 "1 YouTube-real/00170.mp4\n0 Celeb-synthesis/id0_id1_0000.mp4\n");
     },
     {{"train/real", 2}, {"train/fake", 2}, {"test/real", 2}, {"test/fake", 2}}},
    {"dfdc",
     [](Tree& tree) {
       for (const char* name : {"test/aa.mp4", "test/bb.mp4", "dfdc_train_part_0/cc.mp4"})
         tree.video(fs::path("DFDC") / name);
       tree.text("DFDC/test/labels.csv", "filename,label\naa.mp4,0\nbb.mp4,1\n");
       tree.text("DFDC/dfdc_train_part_0/metadata.json", R"({"cc.mp4":{"label":"FAKE","original":"dd.mp4"}})");
     },
     {{"test/real", 2}, {"test/fake", 2}, {"train/fake", 2}}},
    {"dfdcp",
     [](Tree& tree) {
       tree.video("DFDCP/original_videos/1/a.mp4");
       tree.video("DFDCP/method_A/1/b.mp4");
       tree.text(
           "DFDCP/dataset.json",
           R"({"original_videos/1/a.mp4":{"label":"real","set":"test"},"method_A/1/b.mp4":{"label":"fake","set":"train"}})");
     },
     {{"test/real", 2}, {"train/fake", 2}}},
    {"wilddeepfake",
     [](Tree& tree) {
       tree.crop("WildDeepfake/real_test/12/real/3/0007.png");
       tree.crop("WildDeepfake/fake_train/2/fake/1/0001.png");
     },
     {{"test/real", 1}, {"train/fake", 1}}},
    {"diff",
     [](Tree& tree) {
       for (const char* name : {"DiFF_real/test/b.png", "val/T2I/Midjourney/c.png", "test/FE/imagic/d.png"})
         tree.photo(fs::path("DiFF") / name);
       tree.text("DiFF/test/FE/imagic/._d.png", "junk");
     },
     {{"test/real", 1}, {"val/T2I", 1}, {"test/FE", 1}}},
    {"mcio",
     [](Tree& tree) {
       for (const char* name : {"test/real/a_frame0.png", "test/real/a_frame1.png", "train/fake/b_frame0.png"})
         tree.crop(fs::path("MCIO/frame/msu") / name);
       tree.text("MCIO/txt/msu_real_train.txt", "msu/test/real/a_frame0.png\n");
       tree.text("MCIO/txt/msu_real_test.txt", "msu/test/real/a_frame0.png\n");
       tree.text("MCIO/txt/msu_fake_train.txt", "msu/train/fake/b_frame0.png\n");
     },
     {{"train/real", 1}, {"test/real", 2}, {"train/fake", 1}}},
    {"wcs",
     [](Tree& tree) {
       tree.crop("WCS/frame/wmca/test/real/31.01.18_036_01_000_0_00_05.png");
       tree.crop("WCS/frame/wmca/train/fake/9_02.png");
       tree.text("WCS/txt/wmca_real_test.txt", "wmca/test/real/31.01.18_036_01_000_0_00_05.png\n");
       tree.text("WCS/txt/wmca_fake_train.txt", "wmca/train/fake/9_02.png\n");
     },
     {{"test/real", 1}, {"train/fake", 1}}},
    {"deepfakebench",
     [](Tree& tree) {
       tree.crop("datasets/rgb/UADFV/real/frames/0000/003.png");
       tree.crop("datasets/rgb/UADFV/fake/frames/0000_fake/007.png");
       tree.text("preprocessing/dataset_json/UADFV.json", R"({"UADFV":{
         "UADFV_Real":{"train":{"0000":{"label":"UADFV_Real","frames":["UADFV/real/frames/0000/003.png"]}}},
         "UADFV_Fake":{"test":{"0000_fake":{"label":"UADFV_Fake","frames":["UADFV\\fake\\frames\\0000_fake\\007.png"]}}}}})");
     },
     {{"train/real", 1}, {"test/fake", 1}}},
};

class DocumentedLayouts : public testing::TestWithParam<Published> {};

TEST_P(DocumentedLayouts, TheCommandRunsAsWritten) {
  const std::string command = documented_command(GetParam().layout);
  ASSERT_FALSE(command.empty()) << "docs/datasets.md has no command for it";
  std::vector<std::string> words;
  std::istringstream stream(command);
  for (std::string word; stream >> word;) words.push_back(word);
  const auto out = std::find(words.begin(), words.end(), "--out");
  ASSERT_LT(out - words.begin() + 1, static_cast<int64_t>(words.size())) << command;

  TempDir dir;
  Tree tree(dir.path());
  GetParam().draw(tree);
  const CliResult result = run_cli({words.begin() + 1, words.end()}, {.folder = dir.path()});
  ASSERT_EQ(result.exit_code, 0) << command << "\n" << result.err << result.out;
  Counts faces;
  const auto data = open_dataset(dir / out[1]);
  for (const auto& ref : data->samples())
    ++faces[ref.split + "/" + data->info().classes[static_cast<size_t>(ref.label)]];
  EXPECT_EQ(faces, GetParam().expected) << result.out;
}

INSTANTIATE_TEST_SUITE_P(Prepare, DocumentedLayouts, testing::ValuesIn(kPublished),
                         [](const auto& info) { return info.param.layout; });

TEST(PrepareCli, EveryLayoutIsDocumentedAndTried) {
  for (const auto& layout : layouts()) {
    EXPECT_FALSE(documented_command(layout.name).empty()) << layout.name;
    EXPECT_TRUE(std::any_of(std::begin(kPublished), std::end(kPublished), [&](const auto& p) {
      return p.layout == layout.name;
    })) << layout.name;
  }
}

TEST(PrepareCli, OutputBelowTheRootIsNoInputAndFoldersAreLossless) {
  test::TempDir dir;
  test::write_face_tree(dir.path(), "in", "album", 3, 1, 96);
  const std::vector<std::string> common = {
      "prepare", "folder", (dir / "in").string(), "--no-detect", "--parser", "none", "--size", "64"};
  auto folders = common, shards = common;
  folders.insert(folders.end(), {"--format", "folders", "--out", (dir / "in/faces").string()});
  shards.insert(shards.end(), {"--jpeg-quality", "0", "--out", (dir / "shards").string()});
  for (int run = 0; run < 2; ++run) {
    const auto result = test::run_cli(folders);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(open_dataset(dir / "in/faces")->samples().size(), 3u);
  }
  EXPECT_EQ(test::run_cli(shards).exit_code, 0);
  // The folders' run left its own pictures out, and they are those of the shards to the pixel.
  const auto a = open_dataset(dir / "in/faces"), b = open_dataset(dir / "shards");
  const auto pixels = [](const Dataset& data) {
    std::set<std::vector<uint8_t>> all;
    for (size_t i = 0; i < data.samples().size(); ++i) all.insert(data.load(i).image.rgb);
    return all;
  };
  EXPECT_TRUE(pixels(*a) == pixels(*b));
  // Nothing is left when ROOT itself is written to.
  auto itself = common;
  itself.insert(itself.end(), {"--out", (dir / "in").string()});
  const auto refused = test::run_cli(itself);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("outside of ROOT"), std::string::npos) << refused.err;
}

TEST(PrepareCli, ASetOfAttacksAloneStaysOne) {
  for (const char* attack : {"fake", "FaceSwap"}) {
    TempDir dir;
    Tree tree(dir.path());
    tree.crop(fs::path("crops") / attack / "a.png");
    const CliResult result = run_cli(
        {"prepare", "classes", "crops", "--no-detect", "--parser", "none", "--format", "folders", "--out", "set"},
        {.folder = dir.path()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(open_dataset(dir / "set")->info().attack_classes, (std::vector<std::string>{attack}));
  }
}

TEST(PrepareCli, NamesOfOlderSystemsAreNoUtf8AndNothingBreaks) {
  TempDir dir;
  write_face_tree(dir / "set\xE9", "train", "real", 3, 1, 64);
  write_face_tree(dir / "set\xE9", "train", "fake-\xE9", 3, 5, 64);
  for (const auto& entry : fs::directory_iterator(dir / "set\xE9/train/real"))
    if (entry.path().filename() == "face_0001.png") fs::rename(entry.path(), dir / "set\xE9/train/real/caf\xE9.png");
  const auto run = [&](const std::vector<std::string>& args) {
    const CliResult result = run_cli(args, {.folder = dir.path()});
    EXPECT_EQ(result.exit_code, 0) << args[0] << " " << result.err;
    return result;
  };
  const auto is_json = [](const std::string& text) { return nlohmann::json::accept(text); };
  for (const char* format : {"shards", "folders"}) {
    const std::string out = std::string("out\xE9-") + format;
    for (int again = 0; again < 2; ++again)
      run({"prepare", "classes", "set\xE9", "--no-detect", "--parser", "none", "--format", format, "--out", out});
    EXPECT_TRUE(is_json(read_file(dir / out / "manifest.json")));
    const auto data = open_dataset(dir / out);
    EXPECT_EQ(data->info().name, "set%E9");
    EXPECT_EQ(data->info().classes, (std::vector<std::string>{"fake-%E9", "real"}));
    EXPECT_EQ(data->info().attack_classes, (std::vector<std::string>{"fake-%E9"}));
    EXPECT_EQ(data->samples().size(), 6u);
    for (const auto& set : {out, std::string("set\xE9")}) {
      const std::string json = run({"doctor", set, "--json"}).out;
      EXPECT_TRUE(is_json(json) && json.find("set%E9") != std::string::npos) << json;
    }
    run({"prepare", "folder", out, "--format", "folders", "--out", out + "-copy"});
    EXPECT_EQ(open_dataset(dir / (out + "-copy"))->samples().size(), 6u);
    run({"report", out, "--out", "page\xE9.html"});
  }
}

TEST(PrepareCli, CompatCropsAreThoseOfTheRule) {
  TempDir dir;
  Tree tree(dir.path());
  tree.photo("photos/a.png");
  const CliResult result =
      run_cli({"prepare", "folder", "photos", "--compat", "--out", "faces"}, {.folder = dir.path()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto data = open_dataset(dir / "faces");
  ASSERT_EQ(data->samples().size(), 1u);
  const Image photo = read_image(dir / "photos/a.png");
  const Face face = make_face_detector("dlib-hog")->detect(photo).front();
  EXPECT_EQ(*data->load_record(0)->box, face.box);
  EXPECT_EQ(data->load(0).image.rgb, resize(crop(photo, crop_rect(face.box, photo.width, photo.height)), 224, 224).rgb);

  const CliResult both =
      run_cli({"prepare", "folder", "photos", "--compat", "--face-detector", "blazeface", "--out", "other"},
              {.folder = dir.path()});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_NE(both.err.find("--compat"), std::string::npos) << both.err;
}

TEST(PrepareCli, TakesAParserOfTheUsers) {
  TempDir dir;
  Tree tree(dir.path());
  tree.photo("photos/a.png");
  // Skin everywhere, a nose where it is red.
  std::vector<std::array<float, 3>> weights(19, {0, 0, 0});
  std::vector<float> bias(19, -100);
  bias[1] = 0.5f;
  weights[10] = {1, 0, 0};
  bias[10] = 0;
  write_onnx_convolution(dir / "bisenet.onnx", 64, weights, bias);
  std::ofstream(dir / "bisenet.onnx.json") << R"({"input_size": 64, "mean": [0,0,0], "std": [1,1,1]})";
  const CliResult result =
      run_cli({"prepare", "folder", "photos", "--parser", "bisenet.onnx", "--out", "faces"}, {.folder = dir.path()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(open_dataset(dir / "faces")->load_record(0)->parser, "bisenet");
  const CliResult masks =
      run_cli({"masks", "photos/a.png", "--parser", "bisenet.onnx", "--out", "sheet.png"}, {.folder = dir.path()});
  EXPECT_EQ(masks.exit_code, 0) << masks.err;
}

}  // namespace
}  // namespace fsfm::test
