#include "media/video_fields.h"

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

#include <new>
#include <string>

#include "base/error.h"

namespace fsfm {
namespace {

class Graph {
 public:
  explicit Graph(const AVFrame& frame) : graph_(avfilter_graph_alloc()) {
    if (!graph_) throw std::bad_alloc();
    graph_->nb_threads = 1;
    const std::string shape = "video_size=" + std::to_string(frame.width) + "x" + std::to_string(frame.height) +
                              ":pix_fmt=" + std::to_string(frame.format) + ":time_base=1/25";
    AVFilterContext* filter = nullptr;
    const bool made = add(&source_, "buffer", shape.c_str()) && add(&filter, "bwdif", "send_frame:auto:all") &&
                      add(&sink_, "buffersink", nullptr) && avfilter_link(source_, 0, filter, 0) >= 0 &&
                      avfilter_link(filter, 0, sink_, 0) >= 0 && avfilter_graph_config(graph_, nullptr) >= 0;
    if (made) return;
    avfilter_graph_free(&graph_);
    throw Error("an interlaced frame cannot be put together");
  }
  ~Graph() { avfilter_graph_free(&graph_); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void push(const AVFrame& frame, int64_t pts) {
    const av::Frame own = av::share(frame);
    own->pts = pts;
    if (av_buffersrc_add_frame(source_, own.get()) < 0) throw Error("an interlaced frame cannot be put together");
  }
  void finish() {
    // The end of the film; a filter that refuses it has nothing more to give.
    [[maybe_unused]] const int ignored = av_buffersrc_add_frame(source_, nullptr);
  }
  av::Frame pull() {
    av::Frame frame = av::make_frame();
    if (av_buffersink_get_frame(sink_, frame.get()) < 0) throw Error("an interlaced frame cannot be put together");
    return frame;
  }

 private:
  bool add(AVFilterContext** filter, const char* name, const char* arguments) {
    return avfilter_graph_create_filter(filter, avfilter_get_by_name(name), name, arguments, nullptr, graph_) >= 0;
  }
  AVFilterGraph* graph_;
  AVFilterContext *source_ = nullptr, *sink_ = nullptr;
};

}  // namespace

av::Frame deinterlace(const AVFrame* before, const AVFrame& frame, const AVFrame* after) {
  if (frame.width < 4 || frame.height < 4) return av::share(frame);
  const auto fits = [&](const AVFrame* other) {
    return other && other->width == frame.width && other->height == frame.height && other->format == frame.format;
  };
  Graph graph(frame);
  const bool has_before = fits(before);
  int64_t time = 0;
  if (has_before) graph.push(*before, time++);
  graph.push(frame, time++);
  if (fits(after)) graph.push(*after, time++);
  graph.finish();
  if (has_before) graph.pull();
  return graph.pull();
}

}  // namespace fsfm
