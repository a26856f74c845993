// The names of one parameter in the other libraries that write plain vision transformers.
#pragma once

#include <string>

namespace fsfm {

// timm's name of a parameter of transformers' ViTModel (also DeiT, ViTMAE); any other name as it is.
std::string from_huggingface(const std::string& name);
// timm's name of a parameter of torchvision's VisionTransformer; any other name as it is.
std::string from_torchvision(const std::string& name);

}  // namespace fsfm
