// Decoding of the face detectors users bring as ONNX files, apart from running them.
#pragma once

#include <vector>

#include "face/detections.h"
#include "face/onnx_net.h"

namespace fsfm {

// YuNet as OpenCV's zoo releases it since 2023: cls_S, obj_S, bbox_S, kps_S for the strides 8, 16, 32. Boxes in pixels of a
// `side` x `side` input. Throws Error when the outputs are not YuNet's.
std::vector<Detection> decode_yunet(const std::vector<OnnxNet::Output>& outputs, int side, float min_score);

// SCRFD as InsightFace releases it: per stride 8, 16, 32 (two anchors a cell) scores, box distances and, in the models with
// key points, ten offsets; told apart by their shapes.
std::vector<Detection> decode_scrfd(const std::vector<OnnxNet::Output>& outputs, int side, float min_score);

}  // namespace fsfm
