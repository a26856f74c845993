// Any folder of faces that the user calls real: no labels, no splits.
#include "base/error.h"
#include "base/text.h"
#include "data/label_tree.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {

Listing enumerate_folder(const LayoutRequest& request) {
  Listing listing;
  const bool stated = request.stated.unlabelled || !request.class_name.empty();
  if (request.stated.unlabelled && !request.class_name.empty())
    throw Error("--unlabelled and --class contradict each other", "choose one");
  const std::string class_name = request.stated.unlabelled    ? std::string(kUnlabelledClass)
                                 : request.class_name.empty() ? "real"
                                                              : request.class_name;
  if (class_name.find('/') != std::string::npos || class_name.find("..") != std::string::npos)
    throw Error("--class " + class_name + " cannot be a class name", "name it fake, print, ...");
  append_media(listing, request.root, class_name, "");
  leave_out_own_output(listing, request.out);
  listing.names_from_user = !request.class_name.empty();
  if (stated) return listing;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : listing.entries) files.push_back(entry.path.lexically_relative(request.root));
  if (const auto attacks = attack_folders(request.root, files); !attacks.empty())
    throw Error(request.root.string() + ": the layout folder takes all faces for real, but folder " + attacks.front() +
                    " sounds like an attack",
                "use the layout classes, or state what they are: --class real, --class fake or --unlabelled");
  return listing;
}

}  // namespace fsfm
