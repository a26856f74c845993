// The small convolutional networks on oneDNN; their numbers are compared with libtorch in tests/nn/parse_net_test.cc.
#include "engine/conv_net.h"

#include <gtest/gtest.h>

#include "model/models_dir.h"

namespace fsfm {
namespace {

TEST(ConvNet, NoConvolutionOfTheShippedParserFallsToTheReferenceCode) {
  const ConvNet net(ModelFile::open(require_model("parser.safetensors")));
  ASSERT_FALSE(net.implementations().empty());
#if defined(__x86_64__)
  for (const auto& name : net.implementations()) EXPECT_FALSE(name.starts_with("ref")) << name;
#endif
}

}  // namespace
}  // namespace fsfm
