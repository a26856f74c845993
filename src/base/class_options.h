// The options by which the user says what the classes of the data mean: the same in every command that reads labels.
#pragma once

#include <string>

#include "base/class_names.h"
#include "base/options.h"

namespace fsfm {

// Adds --real and --attack-classes.
void add_class_options(Options& options, ClassStatement& stated, const std::string& group = "Labels");
// The same and --unlabelled, for commands that need no labels.
void add_class_options_or_none(Options& options, ClassStatement& stated, const std::string& group = "Labels");

}  // namespace fsfm
