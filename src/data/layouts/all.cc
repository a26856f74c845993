#include "data/layouts/all.h"

namespace fsfm {

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> kLayouts = {
      {"folder", "pictures and videos of genuine faces below any folder, unlabelled", enumerate_folder},
      {"classes", "{train,val,test}/{real,fake,...}/ or {real,fake,...}/: folders are classes", enumerate_classes},
      {"list", "a text file of lines `path label`, paths relative to it", enumerate_list},
      {"csv", "a CSV file with columns path,label and perhaps split,video,frame", enumerate_csv},
  };
  return kLayouts;
}

}  // namespace fsfm
