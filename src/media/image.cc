#include "media/image.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace fsfm {

Image crop(const Image& image, const Rect& rect) {
  if (rect.left < 0 || rect.top < 0 || rect.width < 1 || rect.height < 1 || rect.width > image.width - rect.left ||
      rect.height > image.height - rect.top)
    throw Error("crop " + std::to_string(rect.width) + "x" + std::to_string(rect.height) + "+" +
                std::to_string(rect.left) + "+" + std::to_string(rect.top) + " lies outside a picture of " +
                std::to_string(image.width) + "x" + std::to_string(image.height) + " pixels");
  Image out(rect.width, rect.height);
  for (int y = 0; y < rect.height; ++y)
    std::copy_n(image.row(rect.top + y) + rect.left * 3, static_cast<size_t>(rect.width) * 3, out.row(y));
  return out;
}

}  // namespace fsfm
