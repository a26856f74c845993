#include "prepare/layouts/all.h"

namespace fsfm {

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> kLayouts = {
      {"folder", "pictures and videos below any folder: real faces, as the user says by this layout", enumerate_folder},
      {"classes", "folders named by class and split, in any order and depth: {train,val,test}/{real,fake,...}/",
       enumerate_classes},
      {"list", "a text file of lines `path label`, paths relative to it", enumerate_list},
      {"csv", "a CSV file with columns path,label and perhaps split,video,frame", enumerate_csv},
      {"vggface2", "VGGFace2: {train,test}/nXXXXXX/*.jpg, unlabelled", enumerate_vggface2},
      {"ytf", "YouTube Faces: frame_images_DB/<person>/<video>/*.jpg, unlabelled", enumerate_ytf},
      {"ffpp", "FaceForensics++: original_sequences, manipulated_sequences and its splits", enumerate_ffpp},
      {"dfd", "DeepFakeDetection: the actors part of FaceForensics++ (a test set)", enumerate_dfd},
      {"celebdf", "Celeb-DF v1, v2 and ++ with List_of_testing_videos.txt", enumerate_celebdf},
      {"dfdc", "DFDC: videos with labels.csv or metadata.json", enumerate_dfdc},
      {"dfdcp", "DFDC preview: dataset.json, original_videos, method_A, method_B", enumerate_dfdcp},
      {"wilddeepfake", "WildDeepfake, unpacked: {real,fake}_{train,test}", enumerate_wilddeepfake},
      {"diff", "DiFF: DiFF_real and {val,test}/{FE,FS,I2I,T2I}", enumerate_diff},
      {"mcio", "MCIO anti-spoofing: frame/ and the lists in txt/", enumerate_mcio},
      {"wcs", "WCS anti-spoofing: frame/ and the lists in txt/", enumerate_wcs},
      {"deepfakebench", "a DeepfakeBench dataset_json/*.json beside its frames", enumerate_deepfakebench},
  };
  return kLayouts;
}

}  // namespace fsfm
