// Which folders of a tree are classes and which are splits: decided once, for every command that reads folders.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/class_names.h"
#include "data/dataset.h"

namespace fsfm {

// What the folders above one file say of it.
struct FileLabel {
  std::string class_name;  // "" = left out: the file lies beside the class folders
  std::string split;       // "train" | "val" | "test" | ""
  std::string rest;        // its path without the folders of class and split
};

struct TreeLabels {
  std::vector<FileLabel> files;                      // one for each path, in their order
  std::vector<std::string> classes, attack_classes;  // sorted
  std::vector<std::string> folders;                  // of an unlabelled tree: those that may be meant as classes
  std::vector<DatasetNote> notes;
  bool labelled() const { return classes.size() != 1 || classes.front() != kUnlabelledClass; }
};

// `files` are paths below `root`, sorted. Classes and splits may stand at any depth and in either order
// (train/set1/real/x.jpg, real/train/x.jpg). The outermost class folder counts, unless folders of both kinds lie below
// it and none of the other kind beside it (deepfakes/{real,fake}: a collection). Where no folder names a class, the
// root's own name may, if its pictures lie right in it. Otherwise the class is "unlabelled". Throws Error that asks for
// --real and --attack-classes: some folders are classes and of others nothing can be said; a class folder lies in one
// of the other kind; a stated name that is no folder.
TreeLabels read_tree_labels(const std::filesystem::path& root, const std::vector<std::filesystem::path>& files,
                            const ClassStatement& stated = {});

// Folders above the files, the root among them, whose names say attack: a look before all is taken for real. Sorted.
std::vector<std::string> attack_folders(const std::filesystem::path& root,
                                        const std::vector<std::filesystem::path>& files);

}  // namespace fsfm
