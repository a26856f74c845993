// Every kernel against its plain form on every instruction set of this processor, at sizes that leave remainders.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <new>

#include "base/rng.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/cases.h"
#include "kernels/class_bits.h"
#include "kernels/gelu.h"
#include "kernels/layer_norm.h"
#include "kernels/plain.h"
#include "kernels/rows.h"
#include "kernels/softmax.h"
#include "kernels/targets.h"
#include "support/on_every_target.h"

namespace fsfm::kernels {
namespace {

using test::on_every_target;

constexpr std::pair<int64_t, int64_t> kSizes[] = {{1, 1},  {3, 7},    {2, 15},  {5, 16},   {4, 17},     {1, 31},
                                                  {9, 33}, {197, 64}, {7, 197}, {70, 100}, {3, 768 + 3}};

std::vector<float> normal_floats(Rng& rng, size_t count, double spread = 1) {
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(spread * rng.normal());
  return values;
}

TEST(Kernels, EqualTheirPlainFormsOnEveryInstructionSet) {
  uint64_t seed = 0;
  for (const auto& [rows, width] : kSizes)
    for (const KernelCase& item : kernel_cases(rows, width, ++seed)) {
      item.plain();
      on_every_target([&] {
        item.run();
        const double error = item.error();
        EXPECT_TRUE(error <= item.tolerance) << item.name << ": error " << error;  // false for NaN
      });
    }
}

TEST(Kernels, AreCompiledForTheWidestVectorsOfThisProcessor) {
  const auto found = targets();
  ASSERT_FALSE(found.empty());
#if defined(__x86_64__)
  const bool avx512 =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2) {
    EXPECT_EQ(found.front().name, avx512 ? "AVX3" : "AVX2");
  }
  EXPECT_TRUE(found.back().name == "SCALAR" || found.back().name == "EMU128") << found.back().name;
#endif
}

// ---- the ways back against differences of the ways there ---------------------------------------------------------

// d/dx of sum(weights * f(x)) at every element, by central differences in double.
std::vector<double> differences(std::vector<double> x, const std::vector<float>& weights,
                                const std::function<std::vector<double>(const std::vector<double>&)>& f) {
  constexpr double kStep = 1e-5;
  const auto weighted = [&] {
    const auto y = f(x);
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += weights[i] * y[i];
    return sum;
  };
  std::vector<double> slopes;
  for (double& value : x) {
    const double at = value;
    value = at + kStep;
    const double above = weighted();
    value = at - kStep;
    slopes.push_back((above - weighted()) / (2 * kStep));
    value = at;
  }
  return slopes;
}

void expect_close(const std::vector<float>& ours, const std::vector<double>& expected) {
  ASSERT_EQ(ours.size(), expected.size());
  for (size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], expected[i], 2e-5) << "at " << i;
}

constexpr int64_t kRows = 3, kWidth = 21;

TEST(Kernels, SoftmaxBackwardIsItsSlope) {
  Rng rng(1);
  const auto scores = normal_floats(rng, kRows * kWidth), grad = normal_floats(rng, kRows * kWidth);
  const std::vector<double> x(scores.begin(), scores.end());
  const auto expected = differences(x, grad, [](std::vector<double> y) {
    plain::softmax(y.data(), kRows, kWidth, 0.7);
    return y;
  });
  on_every_target([&] {
    auto p = scores, slope = grad;
    softmax(p.data(), kRows, kWidth, 0.7f);
    softmax_backward(p.data(), slope.data(), kRows, kWidth, 0.7f);
    expect_close(slope, expected);
  });
}

TEST(Kernels, GeluBackwardIsItsSlope) {
  Rng rng(2);
  const auto u = normal_floats(rng, kRows * kWidth, 2), bias = normal_floats(rng, kWidth),
             grad = normal_floats(rng, kRows * kWidth);
  const std::vector<double> x(u.begin(), u.end()), b(bias.begin(), bias.end());
  const auto gelu = [](const std::vector<double>& u, const std::vector<double>& bias) {
    std::vector<double> h(u.size());
    plain::bias_gelu(u.data(), bias.data(), h.data(), kRows, kWidth);
    return h;
  };
  const auto expected = differences(x, grad, [&](const std::vector<double>& u) { return gelu(u, b); });
  const auto expected_bias = differences(b, grad, [&](const std::vector<double>& bias) { return gelu(x, bias); });
  on_every_target([&] {
    auto h = u, slope = grad;
    std::vector<float> bias_slope(kWidth, 0.0f);
    bias_gelu_backward(u.data(), bias.data(), h.data(), slope.data(), bias_slope.data(), kRows, kWidth);
    expect_close(slope, expected);
    expect_close(bias_slope, expected_bias);
  });
}

TEST(Kernels, LayerNormBackwardIsItsSlope) {
  Rng rng(3);
  const auto x = normal_floats(rng, kRows * kWidth), weight = normal_floats(rng, kWidth),
             bias = normal_floats(rng, kWidth), grad = normal_floats(rng, kRows * kWidth);
  const auto norm = [](const std::vector<double>& x, const std::vector<double>& weight,
                       const std::vector<double>& bias) {
    std::vector<double> y(x.size()), mean(kRows), rstd(kRows);
    plain::layer_norm(x.data(), weight.data(), bias.data(), y.data(), mean.data(), rstd.data(), kRows, kWidth, 1e-3);
    return y;
  };
  using Doubles = std::vector<double>;
  const Doubles xd(x.begin(), x.end()), wd(weight.begin(), weight.end()), bd(bias.begin(), bias.end());
  const auto expected_x = differences(xd, grad, [&](const Doubles& v) { return norm(v, wd, bd); });
  const auto expected_weight = differences(wd, grad, [&](const Doubles& v) { return norm(xd, v, bd); });
  const auto expected_bias = differences(bd, grad, [&](const Doubles& v) { return norm(xd, wd, v); });
  on_every_target([&] {
    std::vector<float> y(x.size()), mean(kRows), rstd(kRows), gx(x.size()), gw(kWidth, 0.0f), gb(kWidth, 0.0f);
    layer_norm(x.data(), weight.data(), bias.data(), y.data(), mean.data(), rstd.data(), kRows, kWidth, 1e-3f);
    layer_norm_backward(grad.data(), x.data(), weight.data(), mean.data(), rstd.data(), gx.data(), gw.data(), gb.data(),
                        kRows, kWidth);
    expect_close(gx, expected_x);
    expect_close(gw, expected_weight);
    expect_close(gb, expected_bias);
  });
}

// ---- what the headers promise ------------------------------------------------------------------------------------

TEST(Kernels, WorkInPlaceWhereTheHeaderSaysSo) {
  Rng rng(4);
  const auto x = normal_floats(rng, kRows * kWidth), weight = normal_floats(rng, kWidth);
  on_every_target([&] {
    auto in_place = x, apart = x;
    layer_norm(x.data(), weight.data(), weight.data(), apart.data(), nullptr, nullptr, kRows, kWidth, 1e-6f);
    layer_norm(in_place.data(), weight.data(), weight.data(), in_place.data(), nullptr, nullptr, kRows, kWidth, 1e-6f);
    EXPECT_EQ(in_place, apart);
    in_place = x;
    bias_gelu(x.data(), weight.data(), apart.data(), kRows, kWidth);
    bias_gelu(in_place.data(), weight.data(), in_place.data(), kRows, kWidth);
    EXPECT_EQ(in_place, apart);
    in_place = x;
    add(x.data(), x.data(), apart.data(), kRows * kWidth);
    add(in_place.data(), in_place.data(), in_place.data(), kRows * kWidth);
    EXPECT_EQ(in_place, apart);
  });
}

TEST(Kernels, SoftmaxOfHugeScoresIsFinite) {
  on_every_target([] {
    std::vector<float> row = {1e30f, -1e30f, 1e30f, 0.0f};
    softmax(row.data(), 1, 4, 1.0f);
    EXPECT_FLOAT_EQ(row[0], 0.5f);
    EXPECT_LT(row[1], 1e-30f);
  });
}

TEST(Kernels, ClassBitsTellTheLargestClass) {
  on_every_target([] {
    for (const int at : {0, 31, 63, 66}) {
      std::vector<uint8_t> rows(67, 3), low(67), high(67);
      rows[at] = 200;
      EXPECT_EQ(or_class_bits(rows.data(), 67, 1, low.data(), high.data()), 200) << at;
      rows[at] = 10;
      EXPECT_EQ(or_class_bits(rows.data(), 67, 1, low.data(), high.data()), 10) << at;
    }
  });
}

// Floats that end where the readable memory ends.
class EdgeFloats {
 public:
  explicit EdgeFloats(size_t count) : pages_((count * sizeof(float) + page() - 1) / page() * page()) {
    memory_ = mmap(nullptr, pages_ + page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED || mprotect(bytes() + pages_, page(), PROT_NONE) != 0) throw std::bad_alloc();
    values_ = reinterpret_cast<float*>(bytes() + pages_) - count;
    std::fill_n(values_, count, 0.5f);
  }
  ~EdgeFloats() { munmap(memory_, pages_ + page()); }
  EdgeFloats(const EdgeFloats&) = delete;
  operator float*() const { return values_; }

 private:
  static size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
  char* bytes() const { return static_cast<char*>(memory_); }
  size_t pages_;
  void* memory_;
  float* values_;
};

// A read or write beyond the end ends the process.
TEST(Kernels, TouchNothingBeyondTheEnd) {
  for (const int64_t count : {1, 7, 15, 17, 63}) {
    const EdgeFloats x(count), y(count), z(count), w(count), b(count), one(1), two(1);
    const EdgeFloats average(count), square(count);                       // AdamW's own: a negative square has no root
    const EdgeFloats half((count + 1) / 2), other_half((count + 1) / 2);  // as many values of bfloat16, or one more
    auto* narrow = reinterpret_cast<Bf16*>(static_cast<float*>(half)) + count % 2;
    auto* narrow2 = reinterpret_cast<Bf16*>(static_cast<float*>(other_half)) + count % 2;
    on_every_target([&] {
      layer_norm(x, w, b, y, one, two, 1, count, 1e-6f);
      layer_norm(x, w, b, narrow, one, two, 1, count, 1e-6f);
      layer_norm_backward(y, x, w, one, two, z, w, b, 1, count);
      softmax(x, 1, count, 1.0f);
      softmax_backward(x, y, 1, count, 1.0f);
      bias_gelu(x, b, y, 1, count);
      bias_gelu_backward(narrow, b, narrow, narrow2, w, 1, count);
      convert(x, narrow, count);
      convert(narrow, y, count);
      add(x, y, z, count);
      add_columns(narrow, z, 1, count);
      adamw(x, y, average, square, count, {1, 0, 1, 0.9f, 0.1f, 0.9f, 0.1f, 0.1f, 1, 1});
      move_average(x, y, count, 0.5f, 0.5f);
      EXPECT_TRUE(std::isfinite(squared_sum(x, count)));
    });
    const EdgeFloats qkv(3 * 3 * count), out(3 * count), scratch(attention_scratch(3, static_cast<int>(count)));
    on_every_target([&] { attention(qkv, out, 3, static_cast<int>(count), static_cast<int>(count), scratch); });
    EXPECT_NEAR(out[0], 0.5f, 1e-6);
  }
}

}  // namespace
}  // namespace fsfm::kernels
