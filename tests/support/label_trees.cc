#include "support/label_trees.h"

#include "base/text.h"
#include "media/codec.h"
#include "support/face_painter.h"

namespace fsfm::test {

const std::vector<LabelTree>& label_trees() {
  using enum LabelTree::Kind;
  static const std::vector<LabelTree> kTrees = {
      {"numbered", {"0_real", "1_fake"}, labelled, {"0_real"}, {"1_fake"}},
      {"dashed", {"01-live", "02-spoof"}, labelled, {"01-live"}, {"02-spoof"}},
      {"prefixed", {"training_real", "training_fake"}, labelled, {"training_real"}, {"training_fake"}, {"train"}},
      {"wrapped",
       {"faces/training_real", "faces/training_fake"},
       labelled,
       {"training_real"},
       {"training_fake"},
       {"train"}},
      {"both_sided_wrapper", {"real_and_fake_face/real", "real_and_fake_face/fake"}, labelled, {"real"}, {"fake"}},
      {"humps", {"ClientRaw", "ImposterRaw"}, labelled, {"ClientRaw"}, {"ImposterRaw"}},
      {"clients", {"client", "impostor"}, labelled, {"client"}, {"impostor"}},
      {"celebrities",
       {"Celeb-real", "YouTube-real", "Celeb-synthesis"},
       labelled,
       {"Celeb-real", "YouTube-real"},
       {"Celeb-synthesis"}},
      {"capitals",
       {"Train/Real", "Train/Fake", "Test/Real", "Test/Fake"},
       labelled,
       {"Real"},
       {"Fake"},
       {"train", "test"}},
      {"deep",
       {"Dataset/Train/Fake", "Dataset/Train/Real", "Dataset/Validation/Fake", "Dataset/Validation/Real"},
       labelled,
       {"Real"},
       {"Fake"},
       {"train", "val"}},
      {"sets", {"train/set1/real", "train/set2/fake"}, labelled, {"real"}, {"fake"}, {"train"}},
      {"class_first",
       {"real/train", "real/test", "fake/train", "fake/test"},
       labelled,
       {"real"},
       {"fake"},
       {"train", "test"}},
      {"doubly_wrapped",
       {"real_vs_fake/real-vs-fake/train/real", "real_vs_fake/real-vs-fake/train/fake"},
       labelled,
       {"real"},
       {"fake"},
       {"train"}},
      {"split_in_name",
       {"real_train", "real_test", "fake_train", "fake_test"},
       labelled,
       {"real_test", "real_train"},
       {"fake_test", "fake_train"},
       {"train", "test"}},
      {"collection", {"deepfake_database/real", "deepfake_database/fake"}, labelled, {"real"}, {"fake"}},
      {"sounding_wrapper", {"Deepfakes/train/real", "Deepfakes/train/fake"}, labelled, {"real"}, {"fake"}, {"train"}},
      {"halves", {"real_dataset", "fake_dataset"}, labelled, {"real_dataset"}, {"fake_dataset"}},
      {"shouted", {"LIVE", "SPOOF"}, labelled, {"LIVE"}, {"SPOOF"}},
      {"bonafide", {"bonafide", "mask"}, labelled, {"bonafide"}, {"mask"}},
      {"devices",
       {"train/live", "train/mobile", "train/highdef", "test/live", "test/photo"},
       labelled,
       {"live"},
       {"highdef", "mobile", "photo"},
       {"train", "test"}},
      {"methods", {"fake/FaceSwap", "fake/Face2Face", "real/youtube"}, labelled, {"real"}, {"fake"}},
      {"types", {"attack/print", "attack/replay", "real"}, labelled, {"real"}, {"attack"}},
      {"ff",
       {"original_sequences/youtube/c23", "manipulated_sequences/Deepfakes/c23"},
       labelled,
       {"original_sequences"},
       {"manipulated_sequences"}},
      {"persons_first", {"data/1001/live", "data/1001/spoof", "data/1002/live"}, labelled, {"live"}, {"spoof"}},
      {"counterparts", {"SiW_live", "SiW_spoof"}, labelled, {"SiW_live"}, {"SiW_spoof"}},
      {"counterparts_in_splits",
       {"train/oulu_live", "train/oulu_print", "test/oulu_live"},
       labelled,
       {"oulu_live"},
       {"oulu_print"},
       {"train", "test"}},
      {"a_class_in_one_split",
       {"Train/Real", "Train/Fake", "Test/Fake"},
       labelled,
       {"Real"},
       {"Fake"},
       {"train", "test"}},
      {"persons_below", {"real/n000001", "real/test", "fake/n000002"}, labelled, {"real"}, {"fake"}},
      {"negated", {"real", "not_real"}, labelled, {"real"}, {"not_real"}},
      {"digits", {"0", "1"}, unlabelled},
      {"posneg", {"positive", "negative"}, unlabelled},
      {"both_sided", {"real_vs_fake", "RealFake"}, unlabelled},
      {"digits_in_collection", {"deepfake_database/0", "deepfake_database/1"}, unlabelled},
      {"persons", {"train/n000002", "train/n000003"}, unlabelled, {}, {}, {"train"}},
      {"album", {"photos/video_stills", "photos/masquerade", "print_shop_staff", "Realtek", "video0"}, unlabelled},
      {"no_counterparts", {"siw_live", "oulu_print"}, unlabelled},
      {"shop", {"real", "fake", "print_shop_staff"}, contradicts},
      {"third_kind", {"real", "fake", "misc"}, contradicts},
      {"test_video", {"real", "fake", "test_video_x"}, contradicts},
      {"nested_opposites", {"real", "fake/real"}, contradicts},
      {"surname", {"John_Real", "Mary_Smith"}, contradicts},
      {"digits_in_test", {"train/real", "train/fake", "test/0", "test/1"}, contradicts},
      {"method_above_a_pair", {"stable_diffusion/train/ai", "stable_diffusion/train/nature"}, contradicts},
      {"double_negation", {"real", "not_fake", "fake"}, contradicts},
  };
  return kTrees;
}

void write_label_tree(const std::filesystem::path& dir, const LabelTree& tree) {
  uint64_t seed = 1;
  for (const auto& folder : tree.folders) {
    std::filesystem::create_directories(dir / folder);
    for (const char* name : {"a.png", "b.png"})
      write_image(dir / folder / (std::to_string(seed) + name), paint_face(seed, 32).image), ++seed;
  }
}

std::string meaning_of(const LabelTree& tree) {
  return "real: " + join(tree.real, ", ") + "; attack: " + join(tree.attack, ", ");
}

}  // namespace fsfm::test
