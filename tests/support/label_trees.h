// Trees of folders as people have them, and what their names say: every command must read them alike.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fsfm::test {

struct LabelTree {
  enum class Kind {
    labelled,    // every picture has a class
    unlabelled,  // no folder says anything: commands that need labels ask, the others take it as unlabelled
    contradicts  // some folders speak and others do not, or against each other: every command asks
  };
  std::string name;
  std::vector<std::string> folders;
  Kind kind = Kind::labelled;
  std::vector<std::string> real{}, attack{};  // classes, sorted
  std::vector<std::string> splits{};          // in the order of splits_of; empty = {""}
};

const std::vector<LabelTree>& label_trees();

// Two small painted faces in each folder of the tree, all different.
void write_label_tree(const std::filesystem::path& dir, const LabelTree& tree);

// "real: live; attack: print, replay", as commands print it.
std::string meaning_of(const LabelTree& tree);

}  // namespace fsfm::test
