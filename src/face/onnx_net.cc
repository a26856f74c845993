#include "face/onnx_net.h"

#include <opencv2/dnn.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fsfm {

struct OnnxNet::Impl {
  std::filesystem::path file;
  cv::dnn::Net net;
  std::vector<std::string> outputs;
};

OnnxNet::OnnxNet(const std::filesystem::path& file) : impl_(std::make_unique<Impl>()) {
  impl_->file = file;
  if (!is_plain_file(file)) throw Error(file.string() + ": no such network file");
  try {
    impl_->net = cv::dnn::readNetFromONNX(file.string());
    impl_->outputs = impl_->net.getUnconnectedOutLayersNames();
  } catch (const cv::Exception& error) {
    throw Error(file.string() + ": OpenCV cannot load this as an ONNX network (" + trim(error.err) + ")",
                "export it with a fixed input size and opset 11 or 12");
  }
  if (impl_->net.empty() || impl_->outputs.empty()) throw Error(file.string() + ": the network has no outputs");
}

OnnxNet::~OnnxNet() = default;
OnnxNet::OnnxNet(OnnxNet&&) noexcept = default;

std::vector<OnnxNet::Output> OnnxNet::run(std::span<const float> input, const std::vector<int>& shape) {
  std::vector<cv::Mat> mats;
  try {
    // The network only reads its input.
    impl_->net.setInput(cv::Mat(shape, CV_32F, const_cast<float*>(input.data())));
    impl_->net.forward(mats, impl_->outputs);
  } catch (const cv::Exception& error) {
    throw Error(impl_->file.string() + ": the network does not run on this input (" + trim(error.err) + ")");
  }
  std::vector<Output> outputs;
  for (size_t i = 0; i < mats.size(); ++i) {
    if (mats[i].depth() != CV_32F || !mats[i].isContinuous())
      throw Error(impl_->file.string() + ": output " + impl_->outputs[i] + " is no float tensor");
    const auto* values = mats[i].ptr<float>();
    outputs.push_back(
        {impl_->outputs[i], {mats[i].size.p, mats[i].size.p + mats[i].dims}, {values, values + mats[i].total()}});
  }
  return outputs;
}

}  // namespace fsfm
