// The masking playground: what a strategy hides of a face.
#pragma once

#include <nlohmann/json.hpp>

#include "face/parser.h"
#include "face/reconstruct.h"
#include "media/image.h"

namespace fsfm::server {

// `task`: strategy, ratio, seed, region ("" = drawn). -> grid, masked and region [patches], covered, present groups, a
// sentence, and three pictures as base64 PNG: face, parsing, masked; with `painter` also what it paints where the face
// is hidden ("reconstruction"), and all in its size instead of 224 pixels. Throws Problem for a setting that is none.
nlohmann::json draw_mask(const Image& face_crop, FaceParser& parser, FaceReconstructor* painter,
                         const nlohmann::json& task);

}  // namespace fsfm::server
