// Folders of faces with hand-drawn parsing maps, their label layouts brought to the 11 LaPa classes.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "face/parser.h"
#include "media/image.h"

namespace fsfm {

inline constexpr uint8_t kIgnoredClass = 255;  // a pixel that neither teaches nor counts

struct LabelledFace {
  std::string name;  // file stem
  Image image;
  std::vector<uint8_t> classes;  // [height * width], 0..10 or kIgnoredClass
  bool sides_repaired = false;   // its labels had left and right exchanged
};

// Reads ROOT/images/NAME.{jpg,png,...} with ROOT/labels/NAME.png (palette or grey PNG of class indices, resized to the
// picture with the nearest neighbour when the sizes differ). Label layouts:
//   "lapa-11"        the indices of FaceClass
//   "celebamask-19"  0 background 1 skin 2 nose 3 glasses 4 left eye 5 right eye 6 left brow 7 right brow 8 left ear
//                    9 right ear 10 mouth 11 upper lip 12 lower lip 13 hair 14 hat 15 earring 16 necklace 17 neck 18
//                    cloth
//   "bisenet-19"     0 background 1 skin 2 left brow 3 right brow 4 left eye 5 right eye 6 glasses 7 left ear 8 right
//   ear
//                    9 earring 10 nose 11 mouth 12 upper lip 13 lower lip 14 neck 15 necklace 16 cloth 17 hair 18 hat
// In each of them 255 means unknown (kIgnoredClass). Throws Error for a missing folder, a picture without a label, an
// index outside the layout. `repair_sides`: in some copies of CelebAMask-HQ every tenth face has its left and right
// exchanged; since the faces stand upright, eyes and brows that lie on the wrong side of the picture are given back to
// their side. A picture or a label that cannot be decoded is left out and noted in `unreadable` (one message each, in
// order); without one it is an Error, and so is a folder of which nothing can be read.
std::vector<LabelledFace> read_labelled_faces(const std::filesystem::path& root, const std::string& layout,
                                              bool repair_sides = true, std::vector<std::string>* unreadable = nullptr);

// Class of `layout` -> FaceClass; throws Error listing the layouts. The rule for the 19 classes follows LaPa's
// annotation: glasses are skin (eyes seen through them keep their own label), ears, neck, hat, earring, necklace and
// cloth are background; mouth is the inner mouth; left and right are the subject's in all.
std::vector<uint8_t> label_mapping(const std::string& layout);

}  // namespace fsfm
