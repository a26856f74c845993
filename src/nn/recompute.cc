#include "nn/recompute.h"

#include <mutex>
#include <optional>

#include "nn/precision.h"

namespace fsfm {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using Piece = std::function<Tensor(const Tensor&)>;

// torch's random numbers on the CPU and, for a tensor that lies on one, on its CUDA device.
class RandomState {
 public:
  explicit RandomState(torch::Device device) {
    remember(torch::kCPU);
    if (!device.is_cpu()) remember(device);
  }
  void restore() const {
    for (auto [generator, state] : states_) {
      const std::lock_guard lock(generator.mutex());
      generator.set_state(state);
    }
  }

 private:
  void remember(torch::Device device) {
    auto generator = at::globalContext().defaultGenerator(device);
    const std::lock_guard lock(generator.mutex());
    states_.emplace_back(generator, generator.get_state());
  }
  std::vector<std::pair<at::Generator, Tensor>> states_;
};

// What the second run must find as the first one did; travels with the graph.
struct FirstRun : torch::CustomClassHolder {
  FirstRun(Piece p, torch::Device device) : piece(std::move(p)), precision(device), random(device) {}
  Piece piece;
  PrecisionState precision;
  RandomState random;
};

struct RecomputeFunction : torch::autograd::Function<RecomputeFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Piece& piece) {
    auto first = c10::make_intrusive<FirstRun>(piece, x.device());
    ctx->save_for_backward({x});
    ctx->saved_data["first"] = c10::IValue::make_capsule(first);
    return piece(x);  // without a graph: a Function's forward runs in no-grad mode
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto first = c10::static_intrusive_pointer_cast<FirstRun>(ctx->saved_data["first"].toCapsule());
    const Tensor x = ctx->get_saved_variables()[0].detach().requires_grad_();
    const RandomState now(x.device());
    Tensor y;
    {
      const torch::AutoGradMode with_graph(true);
      const PrecisionScope scope(first->precision);
      first->random.restore();
      y = first->piece(x);
      now.restore();
    }
    // A backward inside the backward: it adds to the parameters' gradients as the plain graph would.
    torch::autograd::backward({y}, {grads[0]});
    return {x.grad(), Tensor()};
  }
};

}  // namespace

Tensor recomputed(const Piece& piece, const Tensor& x) {
  if (!torch::GradMode::is_enabled() || !x.requires_grad()) return piece(x);
  return RecomputeFunction::apply(x, piece);
}

}  // namespace fsfm
