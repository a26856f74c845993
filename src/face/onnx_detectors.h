// Decoding of the face detectors users bring as ONNX files, apart from running them.
#pragma once

#include <vector>

#include "face/detections.h"
#include "face/onnx_net.h"

namespace fsfm {

// YuNet as OpenCV's zoo releases it since 2023: cls_S, obj_S, bbox_S, kps_S for the strides 8, 16, 32. Boxes in pixels
// of a `side` x `side` input. Throws Error when the outputs are not YuNet's.
std::vector<Detection> decode_yunet(const std::vector<OnnxNet::Output>& outputs, int side, float min_score);

// SCRFD as InsightFace releases it: per stride 8, 16, 32 (two anchors a cell) scores, box distances and, in the models
// with key points, ten offsets. Outputs are told apart by their names (score_8, bbox_8, kps_8) and, where those say
// nothing (448, 471, ...), by their shapes; in any order, with or without a batch dimension, as rows [N, columns],
// columns [columns, N] or maps [anchors * columns, H, W]. Throws Error naming the outputs when they cannot be matched.
std::vector<Detection> decode_scrfd(const std::vector<OnnxNet::Output>& outputs, int side, float min_score);

// UltraFace (Ultra-Light-Fast-Generic-Face-Detector): scores [1, N, 2] (background, face) and boxes [1, N, 4], corners
// in shares of the input's width and height. Boxes in pixels of a `width` x `height` input. Throws Error naming the
// outputs.
std::vector<Detection> decode_ultraface(const std::vector<OnnxNet::Output>& outputs, int width, int height,
                                        float min_score);

}  // namespace fsfm
