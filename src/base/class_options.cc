#include "base/class_options.h"

namespace fsfm {

void add_class_options(Options& options, ClassStatement& stated, const std::string& group) {
  options.add("real", stated.real, "classes that are real (default: by their names: real, live, genuine, ...)")
      .group(group);
  options
      .add("attack-classes", stated.attack,
           "classes that are attacks (default: by their names: fake, spoof, print, ...); with one of the two options, "
           "classes whose names say nothing are the other kind")
      .group(group);
}

void add_class_options_or_none(Options& options, ClassStatement& stated, const std::string& group) {
  add_class_options(options, stated, group);
  options.add("unlabelled", stated.unlabelled, "folders are no classes: nobody says what is real").group(group);
}

}  // namespace fsfm
