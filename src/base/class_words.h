// The words that class names are made of.
#pragma once

#include <string_view>

namespace fsfm {

enum class WordRole {
  none,       // not in the table
  strong,     // real, fake, FaceSwap: counts anywhere in a name
  plain,      // live, print: counts where nothing unknown stands beside it
  weak,       // mask, paper: as plain, and only beside classes of the other kind
  media,      // photo, video; client, youtube: as weak, and silent beside any word above
  qualifier,  // faces, raw, high: says nothing, and is not unknown
  split,      // train, test
  negator,    // not, non
  container,  // dataset, detection: the name of a whole collection, or of one half of it
  silencer    // vs, mixed, anti: the whole name says nothing
};

struct Word {
  WordRole role = WordRole::none;
  bool attack = false;  // for the first four: which side
};

// `word` in lower case, compounds without separators ("faceswap", "bonafide").
Word look_up_word(std::string_view word);

}  // namespace fsfm
