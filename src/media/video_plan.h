// The frames that a film will show, counted and put in order from its packets alone, without decoding.
#pragma once

#include <cstdint>
#include <vector>

#include "media/video_open.h"

namespace fsfm {

struct FramePlan {
  // Do time stamps tell each packet's place among the frames? Else frames are numbered as they come out.
  bool timed = false;
  // By packet in the order of the file: its frame's index from 0 (untimed: 0), or -1 when it shows none (hidden by an
  // edit list; the second field of a frame; a picture that others refer to only).
  std::vector<int64_t> index_of_packet;
  std::vector<int64_t> ticks;  // by frame, the stream's time base, ascending; only when `timed`
  int64_t frames = 0;
  int64_t first_key = 0;  // packet: what precedes it in the file cannot be decoded and is no frame of the film
  int64_t absent = 0;     // frames that the index lists behind the file's end
};

// Reads the demuxer to its end. Throws Error for more packets than a film has.
FramePlan plan_frames(VideoDemuxer& demuxer);

// A film that begins between two key frames: the pictures that cannot be decoded for it are no part of it. To be called
// with the packet that gave the first frame.
void drop_lead_in(FramePlan& plan, int64_t packet);

}  // namespace fsfm
