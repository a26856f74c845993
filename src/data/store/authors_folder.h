// The authors' folders: SET/images/*.png, SET/parsing_maps/*.npy (int8, 1 x 224 x 224) and the side-car
// SET/pretrain_ds_mean_std.txt (one JSON line {"mean":[3],"std":[3]}).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "data/dataset.h"
#include "data/store/manifest.h"

namespace fsfm {

inline constexpr const char* kAuthorsMeanStdFile = "pretrain_ds_mean_std.txt";

// Is there an images/ folder with parsing_maps/ or the side-car beside it?
bool is_authors_folder(const std::filesystem::path& dir);

// All faces are "real", without splits, unless folders below images/ or the set's own name say otherwise
// (data/label_tree.h). A picture without a map has no region map. The side-car may stand in the folder or one above.
// Throws Error (no picture, side-car that is no JSON, class folders that say too little).
std::unique_ptr<Dataset> open_authors_folder(const std::filesystem::path& dir,
                                             const std::optional<Manifest>& manifest = std::nullopt,
                                             const ClassStatement& stated = {});

// `map` is [224 * 224]. Atomic.
void write_authors_map(const std::filesystem::path& file, std::span<const uint8_t> map);
void write_authors_mean_std(const std::filesystem::path& file, const Normalization& norm);

}  // namespace fsfm
