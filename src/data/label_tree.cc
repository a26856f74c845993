#include "data/label_tree.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fsfm {
namespace {

constexpr size_t kShownFolders = 8;

// A folder with pictures somewhere below it.
struct Folder {
  std::string name;
  Folder* parent = nullptr;
  std::map<std::string, std::unique_ptr<Folder>> children;
  bool has_files = false;  // right in it
  ClassKind kind = ClassKind::unknown;
  bool stated = false;
  bool below[2] = {false, false};  // class folders of a kind (real, attack) below it

  std::string path() const {
    if (!parent || parent->name.empty()) return name;
    return parent->path() + "/" + name;
  }
  bool holds_classes() const { return below[0] || below[1]; }
};

ClassKind opposite(ClassKind kind) { return kind == ClassKind::real ? ClassKind::attack : ClassKind::real; }
size_t side(ClassKind kind) { return kind == ClassKind::attack ? 1 : 0; }
const char* word_of(ClassKind kind) { return kind == ClassKind::attack ? "attack" : "real"; }

template <class Visit>
void for_each_folder(Folder& folder, const Visit& visit) {
  for (auto& [name, child] : folder.children) {
    visit(*child);
    for_each_folder(*child, visit);
  }
}

std::string shown(const std::vector<std::string>& names) {
  std::vector<std::string> some(names.begin(),
                                names.begin() + static_cast<int64_t>(std::min(names.size(), kShownFolders)));
  return join(some, ", ") +
         (names.size() > kShownFolders ? ", ... (" + std::to_string(names.size()) + " folders)" : "");
}

class TreeReader {
 public:
  TreeReader(const fs::path& root, const std::vector<fs::path>& files, const ClassStatement& stated)
      : root_path_(root),
        root_split_(canonical_split(fs::weakly_canonical(root).filename().string()).value_or("")),
        stated_(stated) {
    for (const auto& file : files) parents_.push_back(add(file.parent_path()));
    if (!stated_.unlabelled) {
      judge_by_name();
      judge_beside_others();
      note_classes_below();
      settle(root_);
    }
  }

  TreeLabels read(const std::vector<fs::path>& files) {
    note_classes_below();
    if (!root_.holds_classes()) take_root_as_class();
    const bool labelled = root_.holds_classes() || root_.kind != ClassKind::unknown;
    if (labelled && root_.kind == ClassKind::unknown) ask_for_the_others();
    check_stated_names(labelled);
    TreeLabels labels;
    size_t loose = 0;
    std::set<std::string> names, attacks;
    for (size_t i = 0; i < files.size(); ++i) {
      FileLabel label = label_of(*parents_[i], files[i].filename().string());
      if (!labelled) label.class_name = kUnlabelledClass;
      loose += label.class_name.empty();
      if (!label.class_name.empty()) names.insert(label.class_name);
      if (const Folder* c = class_folder_of(*parents_[i]); c && c->kind == ClassKind::attack)
        attacks.insert(label.class_name);
      labels.files.push_back(std::move(label));
    }
    labels.classes.assign(names.begin(), names.end());
    labels.attack_classes.assign(attacks.begin(), attacks.end());
    if (!labelled) {
      labels.folders = stated_.unlabelled ? std::vector<std::string>() : open_folders();
      return labels;
    }
    take_splits_from_class_names(labels);
    add_notes(labels, loose);
    return labels;
  }

 private:
  Folder* add(const fs::path& relative) {
    Folder* at = &root_;
    for (const auto& part : relative) {
      if (part.empty() || part == ".") continue;
      auto& child = at->children[part.string()];
      if (!child) {
        child = std::make_unique<Folder>();
        child->name = part.string();
        child->parent = at;
      }
      at = child.get();
    }
    at->has_files = true;
    return at;
  }

  void judge_by_name() {
    for_each_folder(root_, [&](Folder& folder) {
      folder.kind = stated_.kind_of(folder.name);
      folder.stated = folder.kind != ClassKind::unknown;
      if (!folder.stated && !canonical_split(folder.name)) folder.kind = kind_of_class(folder.name);
    });
  }

  bool decided_above(const Folder& folder) const {
    for (const Folder* at = folder.parent; at; at = at->parent)
      if (at->kind != ClassKind::unknown) return true;
    return false;
  }

  // photo and mask say something beside live, in every split.
  void judge_beside_others() {
    note_classes_below();
    std::set<std::string> spoken;
    const auto judge_group = [&](Folder& parent) {
      std::vector<std::string> names;
      for (const auto& [name, child] : parent.children) names.push_back(name);
      const auto kinds = judge_classes(names, {.real = stated_.real, .attack = stated_.attack});
      for (size_t i = 0; i < names.size(); ++i)
        if (kinds[i] != ClassKind::unknown && kinds[i] == kind_beside_others(names[i])) spoken.insert(names[i]);
    };
    judge_group(root_);
    for_each_folder(root_, judge_group);
    for_each_folder(root_, [&](Folder& folder) {
      if (folder.kind == ClassKind::unknown && spoken.contains(folder.name) && !folder.holds_classes() &&
          !decided_above(folder))
        folder.kind = kind_beside_others(folder.name);
    });
  }

  void note_classes_below() {
    root_.below[0] = root_.below[1] = false;
    for_each_folder(root_, [](Folder& folder) { folder.below[0] = folder.below[1] = false; });
    for_each_folder(root_, [](Folder& folder) {
      if (folder.kind == ClassKind::unknown) return;
      for (Folder* at = folder.parent; at; at = at->parent) at->below[side(folder.kind)] = true;
    });
  }

  bool has_stated_below(const Folder& folder) const {
    return std::any_of(folder.children.begin(), folder.children.end(),
                       [&](const auto& c) { return c.second->stated || has_stated_below(*c.second); });
  }

  bool stands_beside(const Folder& folder, ClassKind kind) const {
    return std::any_of(folder.parent->children.begin(), folder.parent->children.end(),
                       [&](const auto& c) { return c.second->kind == kind; });
  }

  // Class folders that lie in class folders: the outermost counts, or none does, or the user is asked. Looks at what is
  // below each folder only, so `below` of the folders above may lag behind until it is noted again.
  void settle(Folder& parent) {
    for (auto& [name, child] : parent.children) {
      Folder& folder = *child;
      if (folder.kind != ClassKind::unknown && folder.holds_classes()) {
        if (!folder.stated && has_stated_below(folder)) {
          folder.kind = ClassKind::unknown;
        } else if (folder.stated) {
          for_each_folder(folder, [](Folder& inner) { inner.kind = ClassKind::unknown; });
          folder.below[0] = folder.below[1] = false;
        } else if (folder.below[side(opposite(folder.kind))]) {
          if (!folder.below[side(folder.kind)] || stands_beside(folder, opposite(folder.kind))) ask_about(folder);
          folder.kind = ClassKind::unknown;
        }
      }
      if (folder.kind == ClassKind::unknown && folder.holds_classes()) settle(folder);
      if (folder.kind != ClassKind::unknown && !folder.stated && !has_stated_below(folder))
        ask_about_pairs_below(folder);
    }
  }

  // A method's name above folders that tell themselves apart (stable_diffusion/train/{ai,nature}): not all in it are
  // fakes.
  void ask_about_pairs_below(const Folder& whole) const {
    for_each_folder(const_cast<Folder&>(whole), [&](Folder& parent) { ask_about_pair(whole, parent); });
    ask_about_pair(whole, whole);
  }
  void ask_about_pair(const Folder& whole, const Folder& parent) const {
    std::vector<std::string> sides[2];
    for (const auto& [name, child] : parent.children)
      if (const ClassKind kind = kind_beside_others(name); kind != ClassKind::unknown)
        sides[side(kind)].push_back(name);
    if (sides[0].empty() || sides[1].empty()) return;
    throw Error(root_path_.string() + ": folder " + whole.path() + " sounds " + word_of(whole.kind) + ", but holds " +
                    sides[0].front() + " beside " + sides[1].front(),
                how_to_name_classes());
  }

  [[noreturn]] void ask_about(Folder& folder) const {
    std::string inner;
    for_each_folder(folder, [&](Folder& f) {
      if (inner.empty() && f.kind == opposite(folder.kind)) inner = f.path();
    });
    throw Error(root_path_.string() + ": folder " + folder.path() + " sounds " + word_of(folder.kind) + ", but " +
                    inner + " lies in it",
                how_to_name_classes());
  }

  // The root's own name, or its parent's above a split (real/train), where all pictures lie right in it.
  void take_root_as_class() {
    bool flat = true;
    for (const Folder* parent : parents_)
      for (const Folder* at = parent; at->parent; at = at->parent) flat &= split_of_folder(at->name).has_value();
    if (!flat || stated_.unlabelled) return;
    fs::path whole = fs::weakly_canonical(root_path_);
    if (!whole.has_filename()) whole = whole.parent_path();
    if (canonical_split(whole.filename().string())) whole = whole.parent_path();
    const std::string name = whole.filename().string();
    root_.kind = stated_.kind_of(name);
    if (root_.kind == ClassKind::unknown) root_.kind = kind_of_class(name);
    root_class_ = name;
  }

  const Folder* class_folder_of(const Folder& folder) const {
    const Folder* found = nullptr;
    for (const Folder* at = &folder; at; at = at->parent)
      if (at->kind != ClassKind::unknown) found = at;
    return found;
  }

  // The folder that should have been a class: the first one behind the last that holds classes, no split.
  Folder* open_folder_of(Folder& folder) const {
    Folder* candidate = nullptr;
    for (Folder* at = &folder; at->parent && !at->holds_classes(); at = at->parent)
      if (!split_of_folder(at->name)) candidate = at;
    return candidate;
  }

  void ask_for_the_others() {
    std::set<Folder*> open;
    for (Folder* parent : parents_)
      if (!class_folder_of(*parent))
        if (Folder* folder = open_folder_of(*parent)) open.insert(folder);
    if (open.empty()) return;
    const bool one_side = stated_.real.empty() != stated_.attack.empty();
    bool spoken_of = false;
    for_each_folder(root_, [&](Folder& folder) { spoken_of |= folder.stated; });
    if (one_side && spoken_of) {
      for (Folder* folder : open) folder->kind = stated_.real.empty() ? ClassKind::real : ClassKind::attack;
      note_classes_below();
      return;
    }
    std::set<std::string> names, known[2];
    for (Folder* folder : open) names.insert(folder->path());
    for_each_folder(root_, [&](Folder& folder) {
      if (folder.kind != ClassKind::unknown && !decided_above(folder)) known[side(folder.kind)].insert(folder.name);
    });
    const auto list = [](const std::set<std::string>& set) { return shown({set.begin(), set.end()}); };
    std::string found = known[0].empty() ? "" : "real: " + list(known[0]);
    if (!known[1].empty()) found += (found.empty() ? "attack: " : "; attack: ") + list(known[1]);
    throw Error(root_path_.string() + ": nothing says whether " + (names.size() == 1 ? "folder " : "folders ") +
                    list(names) + (names.size() == 1 ? " is" : " are") + " real or attack (" + found + ")",
                how_to_name_classes() + ", or move away what is no class");
  }

  // A misspelt name changes labels: it is an error unless it names something.
  void check_stated_names(bool labelled) const {
    if (labelled || stated_.real.size() + stated_.attack.size() == 0) return;
    std::vector<std::string> names = stated_.real;
    names.insert(names.end(), stated_.attack.begin(), stated_.attack.end());
    throw Error(root_path_.string() + ": no folder is called " + join(names, " or "),
                "its folders are " + shown(open_folders()));
  }

  // Of an unlabelled tree: the first level, below splits and lone wrappers, that has several folders.
  std::vector<std::string> open_folders() const {
    std::set<std::string> names;
    std::vector<const Folder*> level = {&root_};
    while (!level.empty() && names.empty()) {
      std::vector<const Folder*> next;
      for (const Folder* folder : level) {
        const bool lone = folder->children.size() == 1 && !folder->has_files;
        for (const auto& [name, child] : folder->children) {
          next.push_back(child.get());
          if (!split_of_folder(name) && (!lone || child->children.empty())) names.insert(name);
        }
      }
      level = std::move(next);
    }
    return {names.begin(), names.end()};
  }

  // Inside a class folder a split is one only if all its folders are: somebody may be called "dev".
  bool is_split(const Folder& folder) const {
    if (folder.kind != ClassKind::unknown || !split_of_folder(folder.name)) return false;
    if (!decided_above(folder)) return true;
    return !folder.parent->has_files && std::all_of(folder.parent->children.begin(), folder.parent->children.end(),
                                                    [](const auto& c) { return split_of_folder(c.first).has_value(); });
  }

  FileLabel label_of(const Folder& parent, const std::string& file) const {
    FileLabel label;
    const Folder* class_folder = class_folder_of(parent);
    if (class_folder) label.class_name = class_folder == &root_ ? root_class_ : class_folder->name;
    std::string exact, rough;
    label.rest = file;
    for (const Folder* at = &parent; at->parent; at = at->parent) {
      if (at == class_folder) continue;
      if (!is_split(*at)) {
        label.rest = at->name + "/" + label.rest;
      } else if (const auto split = canonical_split(at->name)) {
        exact = *split;  // the outermost wins
      } else {
        rough = *split_of_folder(at->name);
      }
    }
    label.split = !exact.empty() ? exact : rough;
    if (label.split.empty()) label.split = root_split_;
    return label;
  }

  // {real,fake}_{train,test}: where every class names its split.
  static void take_splits_from_class_names(TreeLabels& labels) {
    const bool split_already =
        std::any_of(labels.files.begin(), labels.files.end(), [](const FileLabel& f) { return !f.split.empty(); });
    std::vector<std::string> speaking;
    for (const auto& name : labels.classes)
      if (split_in_class_name(name)) speaking.push_back(name);
    if (!split_already && speaking.size() == labels.classes.size()) {
      for (auto& file : labels.files)
        if (!file.class_name.empty()) file.split = *split_in_class_name(file.class_name);
    } else if (!speaking.empty()) {
      labels.notes.push_back({"class-like-split", "class " + join(speaking, ", ") + " is named like a split",
                              "put classes below folders train/, val/ and test/, all of them"});
    }
  }

  void add_notes(TreeLabels& labels, size_t loose) {
    if (loose > 0)
      labels.notes.push_back({"left-out", std::to_string(loose) + " pictures lie in no class folder and are left out",
                              "put them into the folder of their class"});
    std::set<std::string> empty;
    const auto look_for_empty = [&](const Folder& parent) {
      const fs::path folder = root_path_ / parent.path();
      for (const auto& sub : subfolders(folder)) {
        const std::string name = sub.filename().string();
        if (parent.children.contains(name)) continue;
        if (kind_of_class(name) != ClassKind::unknown || stated_.kind_of(name) != ClassKind::unknown ||
            fs::is_empty(sub))
          empty.insert(sub.lexically_relative(root_path_).generic_string());
      }
    };
    if (root_.kind == ClassKind::unknown) {
      look_for_empty(root_);
      for_each_folder(root_, [&](Folder& folder) {
        if (folder.holds_classes() && folder.kind == ClassKind::unknown) look_for_empty(folder);
      });
    }
    if (!empty.empty())
      labels.notes.push_back(
          {"empty-class", "no pictures in " + shown({empty.begin(), empty.end()}), "fill the folders or remove them"});
    const bool all_attack = labels.attack_classes.size() == labels.classes.size();
    if (labels.classes.size() > 1 && (labels.attack_classes.empty() || all_attack))
      labels.notes.push_back({"one-kind",
                              "all " + std::to_string(labels.classes.size()) + " class folders are " +
                                  (all_attack ? "attacks" : "real") + ": " + shown(labels.classes),
                              "if that is wrong, " + how_to_name_classes()});
  }

  fs::path root_path_;
  std::string root_split_;
  const ClassStatement& stated_;
  Folder root_;
  std::string root_class_;
  std::vector<Folder*> parents_;  // of each file
};

}  // namespace

TreeLabels read_tree_labels(const std::filesystem::path& root, const std::vector<std::filesystem::path>& files,
                            const ClassStatement& stated) {
  return TreeReader(root, files, stated).read(files);
}

std::vector<std::string> attack_folders(const std::filesystem::path& root,
                                        const std::vector<std::filesystem::path>& files) {
  std::set<std::string> folders;
  fs::path whole = fs::weakly_canonical(root);
  folders.insert((whole.has_filename() ? whole : whole.parent_path()).filename().string());
  for (const auto& file : files)
    for (const auto& part : file.parent_path()) folders.insert(part.string());
  std::vector<std::string> attacks;
  std::copy_if(folders.begin(), folders.end(), std::back_inserter(attacks),
               [](const std::string& name) { return kind_of_class(name) == ClassKind::attack; });
  return attacks;
}

}  // namespace fsfm
