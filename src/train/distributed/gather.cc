#include "train/distributed/gather.h"

namespace fsfm {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct GatherFunction : torch::autograd::Function<GatherFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& rows, Communicator* others) {
    const int64_t count = rows.size(0), first = others->rank() * count;
    ctx->saved_data["first"] = first;
    ctx->saved_data["count"] = count;
    ctx->saved_data["size"] = int64_t{others->size()};
    auto shape = rows.sizes().vec();
    shape[0] = count * others->size();
    // A sum in which all but one term of each row are zero: exact, and every backend knows how to do it.
    const auto all = torch::zeros(shape, rows.options());
    all.narrow(0, first, count).copy_(rows);
    others->begin_sum(all)();
    return all;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const int64_t first = ctx->saved_data["first"].toInt(), count = ctx->saved_data["count"].toInt();
    const auto size = static_cast<double>(ctx->saved_data["size"].toInt());
    return {grads[0].narrow(0, first, count) * size, Tensor()};
  }
};

}  // namespace

Tensor gather_rows(const Tensor& rows, Communicator& others) {
  return others.size() > 1 ? GatherFunction::apply(rows, &others) : rows;
}

}  // namespace fsfm
