// Position tables of nn/vit.h.
#include <cmath>

#include "base/error.h"
#include "nn/vit.h"

namespace fsfm {

torch::Tensor sincos_positions(int dim, int grid) {
  if (dim <= 0 || dim % 4 != 0)
    throw Error("sin-cos positions need a width that is a multiple of 4, not " + std::to_string(dim));
  const int quarter = dim / 4;
  auto table = torch::zeros({1, 1 + int64_t{grid} * grid, dim});
  auto rows = table.accessor<float, 3>()[0];
  for (int y = 0; y < grid; ++y) {
    for (int x = 0; x < grid; ++x) {
      auto row = rows[1 + y * grid + x];
      for (int i = 0; i < quarter; ++i) {
        const double omega = std::pow(10000.0, -static_cast<double>(i) / quarter);
        // MAE puts the column first: [sin x, cos x, sin y, cos y].
        row[i] = static_cast<float>(std::sin(x * omega));
        row[quarter + i] = static_cast<float>(std::cos(x * omega));
        row[2 * quarter + i] = static_cast<float>(std::sin(y * omega));
        row[3 * quarter + i] = static_cast<float>(std::cos(y * omega));
      }
    }
  }
  return table;
}

torch::Tensor resize_positions(const torch::Tensor& table, int new_grid) {
  const int64_t patches = table.dim() == 3 ? table.size(1) - 1 : -1;
  const auto grid = patches > 0 ? static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(patches)))) : 0;
  if (grid <= 0 || grid * grid != patches || new_grid <= 0) {
    throw Error("position table of " + std::to_string(patches) + " patches is not a square grid");
  }
  if (grid == new_grid) return table;
  const auto image = table.slice(1, 1).reshape({1, grid, grid, -1}).permute({0, 3, 1, 2});  // [1,D,g,g]
  const auto resized = at::upsample_bicubic2d(image, {new_grid, new_grid}, /*align_corners=*/false);
  return torch::cat({table.slice(1, 0, 1), resized.permute({0, 2, 3, 1}).flatten(1, 2)}, 1).contiguous();
}

}  // namespace fsfm
