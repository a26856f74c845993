// Folders that are classes and splits.
#include "base/error.h"
#include "base/text.h"
#include "data/label_tree.h"
#include "data/naming.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {
namespace {

constexpr const char* kExpected =
    "expected ROOT/{real,fake,...}/ or ROOT/{train,val,test}/{real,fake,...}/; for unlabelled pictures use the layout "
    "folder";

void apply(const FileLabel& label, PrepareEntry& entry, bool left_out) {
  entry.class_name = label.class_name;
  entry.split = label.split;
  if (left_out) {
    entry.video = label.rest;
  } else if (entry.kind == PrepareEntry::Kind::video) {
    entry.video = std::filesystem::path(label.rest).replace_extension().generic_string();
  } else {
    const FrameName name = parse_frame_name(label.rest);
    entry.video = name.video;
    entry.frame = name.frame;
  }
}

}  // namespace

Listing enumerate_classes(const LayoutRequest& request) {
  Listing listing;
  append_media(listing, request.root, "", "");
  leave_out_own_output(listing, request.out);
  if (listing.entries.empty()) {
    if (listing.left_out.empty())
      throw Error(request.root.string() + " has no class folders with pictures or videos", kExpected);
    return listing;
  }
  std::vector<std::filesystem::path> files;
  for (const auto* list : {&listing.entries, &listing.left_out})
    for (const auto& entry : *list) files.push_back(entry.path.lexically_relative(request.root));
  TreeLabels labels = read_tree_labels(request.root, files, request.stated);
  if (!labels.labelled())
    throw Error(request.root.string() + ": nothing says which of its folders are real and which are attacks" +
                    (labels.folders.empty() ? "" : " (" + join(labels.folders, ", ") + ")"),
                labels.folders.empty() ? kExpected : how_to_name_classes());
  require_stated(labels.classes, request.stated);
  const size_t inputs = listing.entries.size();
  size_t next = 0;
  for (auto* list : {&listing.entries, &listing.left_out}) {
    size_t kept = 0;
    for (auto& entry : *list) {
      const FileLabel& label = labels.files[next++];
      if (label.class_name.empty()) continue;
      apply(label, entry, next > inputs);
      if (&(*list)[kept] != &entry) (*list)[kept] = std::move(entry);
      ++kept;
    }
    list->resize(kept);
  }
  for (const auto& note : labels.notes) listing.notes.push_back(note.text + ": " + note.advice);
  listing.attack_classes = std::move(labels.attack_classes);
  return listing;
}

}  // namespace fsfm
