// Face parsers that users bring as TorchScript files, such as FaRL's LaPa network.
#pragma once

#include <filesystem>
#include <memory>

#include "face/parser.h"

namespace fsfm {

// A scripted network that takes RGB [1,3,H,W] and gives class scores [1,C,h,w], alone or as the first of a tuple. Input
// 448 x 448 in [0,1] and, for C = 11, LaPa's classes: FaRL LaPa 448 as FACER distributes it, which does its own
// normalisation inside; FILE.pt.json says otherwise (face/parser_settings.h). The crop is resized to the input; FACER's
// landmark alignment is left out, since a crop by the x1.3 rule is centred and upright already. A TorchScript file runs
// the code it holds: open only files that you trust. Throws Error when the file cannot be loaded or its output does not
// fit. Pass it to make_parser as its factory.
std::unique_ptr<FaceParser> make_torchscript_parser(const std::filesystem::path& file);

}  // namespace fsfm
