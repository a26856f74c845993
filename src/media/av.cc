#include "media/av.h"

#include <mutex>
#include <new>

namespace fsfm::av {
namespace {

// How many look after the one level there is. Not a setting: nothing of it outlives the last Quiet.
struct {
  std::mutex mutex;
  int users = 0;
  int level = 0;
} quiet;

}  // namespace

Frame make_frame() {
  Frame frame(av_frame_alloc());
  if (!frame) throw std::bad_alloc();
  return frame;
}

Packet make_packet() {
  Packet packet(av_packet_alloc());
  if (!packet) throw std::bad_alloc();
  return packet;
}

Frame share(const AVFrame& frame) {
  Frame other = make_frame();
  if (av_frame_ref(other.get(), &frame) < 0) throw std::bad_alloc();
  return other;
}

Quiet::Quiet() {
  const std::lock_guard lock(quiet.mutex);
  if (quiet.users++ > 0) return;
  quiet.level = av_log_get_level();
  av_log_set_level(AV_LOG_QUIET);
}

Quiet::~Quiet() {
  const std::lock_guard lock(quiet.mutex);
  if (--quiet.users == 0 && av_log_get_level() == AV_LOG_QUIET) av_log_set_level(quiet.level);
}

}  // namespace fsfm::av
