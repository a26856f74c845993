// Which class stands at which output of a stranger's head: what the file says of it, and whether the network has the
// form of those whose order is known. A wrong order inverts every verdict, so what neither tells is asked for.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "model/import_names.h"

namespace fsfm {

struct StatedClasses {
  std::vector<std::string> names;  // in logit order; empty when nothing names them
  std::string key;                 // where they stand: "class_to_idx"
};

// The names that a checkpoint keeps beside its weights (`source`: as pickle_to_json gives it), at its root or among its
// settings. Names that are not as many as the `outputs`, or not one for each, say nothing.
StatedClasses stated_classes(const nlohmann::json& source, int outputs);
// Whether an entry of this name is one of those that stated_classes looks at.
bool is_class_key(std::string_view key);

// The form in which the authors of FSFM save a detector: MAE's names with nothing around them, a linear head on the
// pooled patches after `fc_norm`; or one of their own heads. They train on alphabetical folders.
bool has_authors_form(const NetworkNames& network);

}  // namespace fsfm
