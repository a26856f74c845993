#include "kernels/cases.h"

#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "base/rng.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/class_bits.h"
#include "kernels/gelu.h"
#include "kernels/layer_norm.h"
#include "kernels/plain.h"
#include "kernels/quantize.h"
#include "kernels/resize_rows.h"
#include "kernels/rows.h"
#include "kernels/softmax.h"

namespace fsfm::kernels {
namespace {

constexpr double kFloatTolerance = 1e-5, kBf16Tolerance = 1.0 / 256;  // one unit in the last place of bfloat16

double value(float x) { return x; }
double value(double x) { return x; }
double value(uint8_t x) { return x; }
double value(Bf16 x) { return to_float(x); }

// What a kernel and its plain form write.
template <class T>
struct Both {
  std::vector<T> ours, plain;
  double least_size = 0;  // errors are set against this magnitude when all values are smaller

  explicit Both(int64_t count) : ours(static_cast<size_t>(count)), plain(ours) {}

  double error() const {
    double most = 0, size = least_size;
    for (size_t i = 0; i < ours.size(); ++i) {
      const double a = value(ours[i]), b = value(plain[i]);
      if (std::isnan(a) && std::isnan(b)) continue;
      if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
      if (a != b) most = std::max(most, std::fabs(a - b));  // infinities may agree
      size = std::max(size, std::fabs(b));
    }
    return most == 0 ? 0 : most / size;
  }
};

double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }

class Cases {
 public:
  Cases(int64_t rows, int64_t width, uint64_t seed)
      : rows_(rows),
        width_(width),
        count_(rows * width),
        at_(std::to_string(rows) + "x" + std::to_string(width)),
        rng_(seed) {}

  std::vector<KernelCase> take() { return std::move(cases_); }

  void softmaxes() {
    const auto scores = floats(count_, 6), grad = floats(count_);
    const auto p = floats(count_);
    plain::softmax(p->data(), rows_, width_, 1.0);
    const auto out = both<float>(count_), back = both<float>(count_);
    const int64_t rows = rows_, width = width_;
    add_case(
        "softmax " + at_, 8.0, 0, kFloatTolerance, out,
        [=] { out->ours = *scores, softmax(out->ours.data(), rows, width, 0.5f); },
        [=] { out->plain = *scores, plain::softmax(out->plain.data(), rows, width, 0.5); });
    add_case(
        "softmax backward " + at_, 12.0, 0, kFloatTolerance, back,
        [=] { back->ours = *grad, softmax_backward(p->data(), back->ours.data(), rows, width, 0.5f); },
        [=] { back->plain = *grad, plain::softmax_backward(p->data(), back->plain.data(), rows, width, 0.5); });
  }

  template <class T>
  void gelus(const std::string& type, double tolerance) {
    const auto u = values<T>(count_, 4), grad = values<T>(count_);
    const auto bias = floats(width_);
    const auto h = both<T>(count_), back = both<T>(count_);
    const auto sums = both<float>(width_);
    h->least_size = back->least_size = sums->least_size = 1;  // the approximation's error is absolute
    const int64_t rows = rows_, width = width_;
    add_case(
        "bias + gelu " + type + " " + at_, 2.0 * sizeof(T), 0, tolerance, h,
        [=] { bias_gelu(u->data(), bias->data(), h->ours.data(), rows, width); },
        [=] { plain::bias_gelu(u->data(), bias->data(), h->plain.data(), rows, width); });
    add_case(
        "bias + gelu backward " + type + " " + at_, 4.0 * sizeof(T), 0, tolerance, back,
        [=] {
          back->ours = *grad, sums->ours.assign(sums->ours.size(), 0.25f);
          bias_gelu_backward(u->data(), bias->data(), h->ours.data(), back->ours.data(), sums->ours.data(), rows,
                             width);
        },
        [=] {
          back->plain = *grad, sums->plain.assign(sums->plain.size(), 0.25f);
          plain::bias_gelu_backward(u->data(), bias->data(), h->plain.data(), back->plain.data(), sums->plain.data(),
                                    rows, width);
        });
    cases_.back().error = [=] { return larger(larger(h->error(), back->error()), sums->error()); };
  }

  template <class T>
  void layer_norms(const std::string& type, double tolerance) {
    const auto x = floats(count_, 3), weight = floats(width_), bias = floats(width_);
    const auto grad = values<T>(count_);
    const auto y = both<T>(count_);
    const auto mean = both<float>(rows_), rstd = both<float>(rows_), grad_x = both<float>(count_),
               grad_w = both<float>(width_), grad_b = both<float>(width_);
    const int64_t rows = rows_, width = width_;
    for (auto& v : *x) v += 1.5f;
    add_case(
        "layer norm " + type + " " + at_, 4.0 + sizeof(T), 0, tolerance, y,
        [=] {
          layer_norm(x->data(), weight->data(), bias->data(), y->ours.data(), mean->ours.data(), rstd->ours.data(),
                     rows, width, 1e-6f);
        },
        [=] {
          plain::layer_norm(x->data(), weight->data(), bias->data(), y->plain.data(), mean->plain.data(),
                            rstd->plain.data(), rows, width, 1e-6);
        });
    cases_.back().error = [=] { return larger(larger(y->error(), mean->error()), rstd->error()); };
    cases_.back().plain();  // the way back starts from these
    add_case(
        "layer norm backward " + type + " " + at_, 8.0 + sizeof(T), 0, kFloatTolerance, grad_x,
        [=] {
          grad_w->ours.assign(grad_w->ours.size(), 0.5f), grad_b->ours.assign(grad_b->ours.size(), -0.5f);
          layer_norm_backward(grad->data(), x->data(), weight->data(), mean->plain.data(), rstd->plain.data(),
                              grad_x->ours.data(), grad_w->ours.data(), grad_b->ours.data(), rows, width);
        },
        [=] {
          grad_w->plain.assign(grad_w->plain.size(), 0.5f), grad_b->plain.assign(grad_b->plain.size(), -0.5f);
          plain::layer_norm_backward(grad->data(), x->data(), weight->data(), mean->plain.data(), rstd->plain.data(),
                                     grad_x->plain.data(), grad_w->plain.data(), grad_b->plain.data(), rows, width);
        });
    cases_.back().error = [=] { return larger(larger(grad_x->error(), grad_w->error()), grad_b->error()); };
  }

  // `rows` tokens, heads of `head_dim`, two of them.
  void attentions(int head_dim) {
    const int tokens = static_cast<int>(rows_), dim = 2 * head_dim;
    const auto qkv = floats(static_cast<int64_t>(tokens) * 3 * dim, 2);
    const auto scratch = std::make_shared<std::vector<float>>(attention_scratch(tokens, head_dim));
    const auto out = both<float>(static_cast<int64_t>(tokens) * dim);
    add_case(
        "attention, 2 heads of " + std::to_string(tokens) + "x" + std::to_string(head_dim), 0, 0, kFloatTolerance, out,
        [=] {
          for (const int h : {0, head_dim})
            attention(qkv->data() + h, out->ours.data() + h, tokens, dim, head_dim, scratch->data());
        },
        [=] {
          for (const int h : {0, head_dim})
            plain::attention(qkv->data() + h, out->plain.data() + h, tokens, dim, head_dim);
        });
    cases_.back().flops = 2.0 * 4.0 * tokens * tokens * head_dim;
    if (!has_bf16_attention(head_dim)) return;
    KernelCase narrow = cases_.back();
    narrow.name += " in bfloat16";
    narrow.tolerance = 4 * kBf16Tolerance;  // of queries, keys, weights and values
    narrow.run = [=] {
      for (const int h : {0, head_dim})
        attention_bf16(qkv->data() + h, out->ours.data() + h, tokens, dim, head_dim, scratch->data());
    };
    cases_.push_back(narrow);
  }

  void conversions() {
    const auto x = special_floats();
    const auto narrow = both<Bf16>(count_);
    const auto wide = both<float>(count_);
    const int64_t count = count_;
    add_case(
        "float to bf16 " + at_, 6.0, 0, 0, narrow, [=] { convert(x->data(), narrow->ours.data(), count); },
        [=] { plain::convert(x->data(), narrow->plain.data(), count); });
    cases_.back().plain();
    add_case(
        "bf16 to float " + at_, 6.0, 0, 0, wide, [=] { convert(narrow->plain.data(), wide->ours.data(), count); },
        [=] { plain::convert(narrow->plain.data(), wide->plain.data(), count); });
  }

  void bytes() {
    const auto x = floats(count_, 3), scales = floats(width_), bias = floats(width_);
    const auto sums = std::make_shared<std::vector<int32_t>>(count_),
               offset = std::make_shared<std::vector<int32_t>>(width_);
    for (auto& v : *sums) v = static_cast<int32_t>(rng_.below(4'000'000)) - 2'000'000;
    for (auto& v : *offset) v = static_cast<int32_t>(rng_.below(200'000)) - 100'000;
    const auto q = both<uint8_t>(count_);
    const auto y = both<float>(count_);
    const int64_t rows = rows_, width = width_;
    const auto every_row = [=](auto&& action) {
      for (int64_t r = 0; r < rows; ++r) action(r * width);
    };
    add_case(
        "float to bytes " + at_, 5.0, 0, 0, q,
        [=] { every_row([&](int64_t at) { quantize_row(x->data() + at, q->ours.data() + at, width); }); },
        [=] { every_row([&](int64_t at) { plain::quantize_row(x->data() + at, q->plain.data() + at, width); }); });
    add_case(
        "sums of bytes to float " + at_, 12.0, 0, kFloatTolerance, y,
        [=] {
          y->ours = *x;
          every_row([&](int64_t at) {
            dequantize_row(sums->data() + at, offset->data(), 0.01f, scales->data(), at == 0 ? nullptr : bias->data(),
                           y->ours.data() + at, width, at % 2 == 0);
          });
        },
        [=] {
          y->plain = *x;
          every_row([&](int64_t at) {
            plain::dequantize_row(sums->data() + at, offset->data(), 0.01f, scales->data(),
                                  at == 0 ? nullptr : bias->data(), y->plain.data() + at, width, at % 2 == 0);
          });
        });
  }

  void sums() {
    const auto a = floats(count_), b = floats(count_);
    const auto narrow = values<Bf16>(count_);
    const auto sum = both<float>(count_), columns = both<float>(width_), columns16 = both<float>(width_);
    const int64_t rows = rows_, width = width_, count = count_;
    add_case(
        "add " + at_, 12.0, 0, 0, sum, [=] { add(a->data(), b->data(), sum->ours.data(), count); },
        [=] { plain::add(a->data(), b->data(), sum->plain.data(), count); });
    const auto sum_columns = [&](const std::string& type, const auto& x, const auto& out, double bytes) {
      add_case(
          "sums of columns " + type + " " + at_, bytes, 0, 0, out,
          [=] { out->ours.assign(out->ours.size(), 1.0f), add_columns(x->data(), out->ours.data(), rows, width); },
          [=] {
            out->plain.assign(out->plain.size(), 1.0f), plain::add_columns(x->data(), out->plain.data(), rows, width);
          });
    };
    sum_columns("float", a, columns, 4.0);
    sum_columns("bf16", narrow, columns16, 2.0);
  }

  void sweeps() {
    const auto param = floats(count_), grad = floats(count_), m = floats(count_), v = floats(count_);
    for (auto& x : *v) x = std::fabs(x);
    const auto p = both<float>(count_), m_out = both<float>(count_), v_out = both<float>(count_),
               average = both<float>(count_);
    const auto square = both<double>(1);
    const AdamWConstants c{0.7f, 0.01f, 0.99f, 0.9f, 0.1f, 0.95f, 0.05f, 1e-3f, 1.3f, 1e-8f};
    const int64_t count = count_;
    add_case(
        "adamw " + at_, 28.0, 0, 0, p,
        [=] {
          p->ours = *param, m_out->ours = *m, v_out->ours = *v;
          adamw(p->ours.data(), grad->data(), m_out->ours.data(), v_out->ours.data(), count, c);
        },
        [=] {
          p->plain = *param, m_out->plain = *m, v_out->plain = *v;
          plain::adamw(p->plain.data(), grad->data(), m_out->plain.data(), v_out->plain.data(), count, c);
        });
    cases_.back().error = [=] { return larger(larger(p->error(), m_out->error()), v_out->error()); };
    add_case(
        "moving average " + at_, 12.0, 0, 0, average,
        [=] { average->ours = *m, move_average(average->ours.data(), param->data(), count, 0.99f, 0.01f); },
        [=] { average->plain = *m, plain::move_average(average->plain.data(), param->data(), count, 0.99f, 0.01f); });
    add_case(
        "sum of squares " + at_, 4.0, 0, 0, square, [=] { square->ours[0] = squared_sum(grad->data(), count); },
        [=] { square->plain[0] = plain::squared_sum(grad->data(), count); });
  }

  // Pictures of `rows` x `width` pixels, and maps of as many classes.
  void pictures() {
    const int width = static_cast<int>(width_), rows = static_cast<int>(rows_), outputs = width / 2 + 1;
    const auto classes = std::make_shared<std::vector<uint8_t>>(count_);
    for (auto& c : *classes) c = static_cast<uint8_t>(rng_.below(11));
    const auto bits = both<uint8_t>(2 * width_ + 1);
    const auto class_bits = [=](std::vector<uint8_t>& out, auto&& kernel) {
      out.back() = kernel(classes->data(), width, rows, out.data(), out.data() + width);
    };
    add_case(
        "class bits " + at_, 1.0, 0, 0, bits, [=] { class_bits(bits->ours, or_class_bits); },
        [=] { class_bits(bits->plain, plain::or_class_bits); });

    // Half the values are extremes, where rounding and holding to bytes go wrong first.
    const auto pixels = std::make_shared<std::vector<uint8_t>>(3 * count_ + kResizeOverread);
    for (auto& v : *pixels) v = static_cast<uint8_t>(rng_.chance(0.5) ? rng_.below(2) * 255 : rng_.below(256));
    const auto across = std::make_shared<ResizeAxis>(random_axis(width, outputs)),
               down = std::make_shared<ResizeAxis>(random_axis(rows, 1));
    const auto packed_across = std::make_shared<std::vector<int16_t>>(pack_for_rows(*across));
    const auto packed_down = std::make_shared<std::vector<int32_t>>(pack_for_columns(*down));
    const auto row = both<uint8_t>(3 * outputs), blended = both<uint8_t>(3 * width_);
    add_case(
        "resize a row of " + std::to_string(width), 0, 0, 0, row,
        [=] { resize_row(pixels->data(), row->ours.data(), outputs, *across, packed_across->data()); },
        [=] { plain::resize_row(pixels->data(), row->plain.data(), outputs, *across); });
    cases_.back().bytes = 3.0 * (width + outputs);
    const uint8_t* first = pixels->data() + static_cast<int64_t>(down->first[0]) * width * 3;
    add_case(
        "blend " + std::to_string(down->count[0]) + " rows of " + std::to_string(width), 0, 0, 0, blended,
        [=] { (void)pixels, blend_rows(first, width * 3, blended->ours.data(), packed_down->data(), down->count[0]); },
        [=] { plain::blend_rows(first, width * 3, blended->plain.data(), down->weight.data(), down->count[0]); });
    cases_.back().bytes = 3.0 * width * (down->count[0] + 1);
  }

 private:
  template <class T>
  using Array = std::shared_ptr<std::vector<T>>;

  template <class T>
  static std::shared_ptr<Both<T>> both(int64_t count) {
    return std::make_shared<Both<T>>(count);
  }

  template <class T>
  Array<T> values(int64_t count, double spread = 1) {
    const auto array = std::make_shared<std::vector<T>>(count);
    for (auto& v : *array) plain::put(v, spread * rng_.normal());
    return array;
  }
  Array<float> floats(int64_t count, double spread = 1) { return values<float>(count, spread); }

  // All magnitudes, and at the front what rounding may get wrong: not a number, infinities, halves, the smallest.
  Array<float> special_floats() {
    const auto array = floats(count_);
    for (auto& v : *array) v = std::ldexp(v, static_cast<int>(rng_.below(250)) - 125);
    using Limits = std::numeric_limits<float>;
    const float special[] = {Limits::quiet_NaN(),
                             Limits::infinity(),
                             -Limits::infinity(),
                             1.00390625f,
                             1.01171875f,
                             Limits::denorm_min(),
                             -1e-40f,
                             Limits::max(),
                             -0.0f};
    for (size_t i = 0; i < std::size(special) && i < array->size(); ++i) (*array)[i] = special[i];
    return array;
  }

  ResizeAxis random_axis(int inputs, int outputs) {
    ResizeAxis axis;
    axis.taps = 4 * (1 + static_cast<int>(rng_.below(6)));
    for (int i = 0; i < outputs; ++i) {
      const int count = 1 + static_cast<int>(rng_.below(std::min(axis.taps, inputs)));
      axis.count.push_back(count);
      axis.first.push_back(static_cast<int>(rng_.below(inputs - count + 1)));
      for (int t = 0; t < axis.taps; ++t)
        axis.weight.push_back(t < count ? static_cast<int32_t>(rng_.uniform(-0.6, 1.4) / count * (1 << kResizeBits))
                                        : 0);
    }
    return axis;
  }

  // `bytes` for each value.
  template <class T>
  void add_case(std::string name, double bytes, double flops, double tolerance, const std::shared_ptr<Both<T>>& out,
                std::function<void()> run, std::function<void()> plain) {
    cases_.push_back({std::move(name), bytes * static_cast<double>(count_), flops, tolerance, std::move(run),
                      std::move(plain), [out] { return out->error(); }});
  }

  int64_t rows_, width_, count_;
  std::string at_;
  Rng rng_;
  std::vector<KernelCase> cases_;
};

}  // namespace

std::vector<KernelCase> kernel_cases(int64_t rows, int64_t width, uint64_t seed) {
  Cases cases(rows, width, seed);
  cases.layer_norms<float>("float", kFloatTolerance);
  cases.layer_norms<Bf16>("bf16", kBf16Tolerance);
  cases.softmaxes();
  cases.gelus<float>("float", kFloatTolerance);
  cases.gelus<Bf16>("bf16", kBf16Tolerance);
  cases.attentions(static_cast<int>(std::min<int64_t>(width, 80)));
  cases.conversions();
  cases.bytes();
  cases.sums();
  cases.sweeps();
  cases.pictures();
  return cases.take();
}

}  // namespace fsfm::kernels
