#include "server/upload.h"

#include <spdlog/fmt/fmt.h>

#include "base/content_kind.h"
#include "base/text.h"
#include "server/framing.h"
#include "server/problem.h"

namespace fsfm::server {
namespace {

constexpr size_t kLongestName = 200;
constexpr double kGraceSeconds = 5;

Problem too_slow(const ServeOptions& options) {
  return {408, "too-slow-upload", fmt::format("the upload took longer than {:.0f} seconds", options.upload_timeout)};
}

std::string clean_name(const std::string& given) {
  std::string name = one_line(to_utf8(given.substr(given.find_last_of("/\\") + 1)));
  if (name.size() > kLongestName) {
    size_t cut = kLongestName;
    while (cut > 0 && (static_cast<unsigned char>(name[cut]) & 0xC0) == 0x80) --cut;  // between two characters
    name.resize(cut);
  }
  return name.empty() ? "upload" : name;
}

class Receiver {
 public:
  Receiver(Call& call, int most_files) : call_(call), most_(most_files), start_(Clock::now()) {}

  void begin(const std::string& name) {
    finish();
    if (static_cast<int>(uploads_.size()) >= most_)
      throw Problem(413, "too-many-files", fmt::format("at most {} files go into one request", most_));
    uploads_.push_back({clean_name(name), std::make_shared<Content>(call_.service.budget)});
  }

  void add(std::string_view bytes) {
    const ServeOptions& options = call_.service.options;
    if (seconds_since(start_) > options.upload_timeout) throw too_slow(options);
    Upload& upload = uploads_.back();
    if (!upload.content->append(bytes))
      throw Problem(503, "busy", "the server holds as many uploads as it may; come back later", 5);
    if (!known_ && upload.content->size() >= static_cast<int64_t>(kContentBytes)) learn_kind();
    const int64_t most = known_ && upload.video ? options.max_video_bytes : options.max_picture_bytes;
    if (upload.content->size() > most)
      throw Problem(413, "too-large",
                    fmt::format("{} is larger than {}; send a smaller version", upload.name,
                                format_bytes(static_cast<double>(most))));
  }

  std::vector<Upload> finish_all() {
    finish();
    if (uploads_.empty()) throw Problem(400, "no-file", "the request holds no file; send a picture or video");
    return std::move(uploads_);
  }

 private:
  void finish() {
    if (!uploads_.empty() && !known_) learn_kind();
    known_ = false;
  }

  // By its first bytes; the parent process looks no further into a file.
  void learn_kind() {
    Upload& upload = uploads_.back();
    known_ = true;
    const std::string head = upload.content->head(kContentBytes);
    const ContentKind kind = content_kind(std::as_bytes(std::span(head)));
    if (kind == ContentKind::empty) throw Problem(400, "empty", upload.name + " is empty");
    upload.video = kind == ContentKind::video;
    // Files of no known kind go to a worker, whose decoders know more containers and say what is wrong.
    if (upload.video || is_readable_picture(kind) || kind == ContentKind::unknown) return;
    const std::string way_out = content_way_out(kind);
    throw Problem(415, "unsupported",
                  fmt::format("{} is {}, neither picture nor video{}{}", upload.name, content_name(kind),
                              way_out.empty() ? "" : "; ", way_out));
  }

  Call& call_;
  int most_;
  Clock::time_point start_;
  std::vector<Upload> uploads_;
  bool known_ = false;
};

}  // namespace

std::vector<Upload> read_uploads(Call& call, int most_files) {
  const auto& request = call.request;
  Receiver receiver(call, most_files);
  call.body_begun = true;
  // Exceptions may not pass through the library: kept here. What still comes is thrown away, so that a client that
  // sends before it reads sees the answer; of a long body only a part.
  std::exception_ptr failure;
  size_t thrown_away = 0;
  auto guarded = [&](size_t bytes, auto&& body) {
    if (failure) return (thrown_away += bytes) < kMostThrownAway;
    try {
      body();
    } catch (...) {
      failure = std::current_exception();
    }
    return true;
  };
  auto add = [&](const char* data, size_t size) { return guarded(size, [&] { receiver.add({data, size}); }); };
  // Past the time the client is told while it still sends; one that trickles is cut off a little later.
  const ReadDeadlines::Guard deadline(call.service.deadlines, call.connection,
                                      call.service.options.upload_timeout + kGraceSeconds);
  bool whole = false;
  if (!framing_of(request).has_body) {
    whole = true;
    if (!request.is_multipart_form_data()) receiver.begin(call.parameter("name", "upload"));
  } else if (request.is_multipart_form_data()) {
    whole = (*call.body)(
        [&](const httplib::MultipartFormData& part) {
          return guarded(1, [&] { receiver.begin(part.filename.empty() ? part.name : part.filename); });
        },
        add);
  } else {
    receiver.begin(call.parameter("name", "upload"));
    whole = (*call.body)(add);
  }
  call.body_read = whole;
  if (failure) std::rethrow_exception(failure);
  if (!whole) {
    if (deadline.passed()) throw too_slow(call.service.options);
    if (call.response.status == 413)
      throw Problem(413, "too-large", "the request is larger than this server takes; send fewer or smaller files");
    throw Problem(400, "cut-short", "the request ended before its body did");
  }
  return receiver.finish_all();
}

}  // namespace fsfm::server
