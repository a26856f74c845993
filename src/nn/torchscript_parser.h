// Face parsers that users bring as TorchScript files, such as FaRL's LaPa network.
#pragma once

#include <filesystem>
#include <memory>

#include "face/parser.h"

namespace fsfm {

// A scripted network that takes [1,3,448,448] RGB in [0,1] and gives class scores [1,11,h,w] in the order of LaPa,
// alone or as the first of a tuple (FaRL LaPa 448 as FACER distributes it does its own normalisation inside). The crop
// is resized to the input; FACER's landmark alignment is left out, since a crop by the x1.3 rule is centred and upright
// already. A TorchScript file runs the code it holds: open only files that you trust. Throws Error when the file cannot
// be loaded or its output does not fit. Pass it to make_parser as its factory.
std::unique_ptr<FaceParser> make_torchscript_parser(const std::filesystem::path& file);

}  // namespace fsfm
