// fsfm serve [--port N] [--host H] ...; fsfm serve token add|list|revoke; fsfm serve audit verify|export
#include <fmt/format.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/default_model.h"
#include "cli/output.h"
#include "face/face_detector.h"
#include "model/models_dir.h"
#include "server/http_server.h"
#include "tensorio/json.h"

namespace fsfm::cli {
namespace {

using server::ServeOptions;

// $FSFM_SERVE_STATE, $XDG_STATE_HOME/fsfm or ~/.local/state/fsfm.
fs::path default_state() {
  if (const char* home = std::getenv("XDG_STATE_HOME"); home && *home) return fs::path(home) / "fsfm";
  if (const char* home = std::getenv("HOME"); home && *home) return fs::path(home) / ".local/state/fsfm";
  return "fsfm-state";
}

void add_state(Options& options, fs::path& state) {
  options.add("state", state, "folder of tokens, results and audit trail");
  options.enable_environment("FSFM_SERVE_");
}

int run_token(int argc, char** argv) {
  fs::path state = default_state();
  std::string action, name, role = "detect";
  bool secret_stdin = false;
  Options options("serve token", "Who may use fsfm serve: add, list or revoke tokens");
  options.positional("ACTION", action, "add, list or revoke").required();
  options.positional("NAME", name, "of the token");
  options.add("role", role, "read: history and metrics; detect: judge as well; admin: everything")
      .choices({"read", "detect", "admin"});
  options
      .add("secret-stdin", secret_stdin,
           "add: take the secret that add printed for another server, from standard input, so that both know it")
      .command_line_only();
  add_state(options, state);
  options.footer(
      "The secret is printed once, by add; only its hash is kept. Changes count at once, also for a running server.");
  if (!options.parse(argc, argv)) return 0;
  if (secret_stdin && action != "add")
    throw Error("fsfm serve token " + action + " takes no --secret-stdin", "only add does");
  server::TokenStore tokens(std::make_shared<server::Database>(state / "serve.db"));
  if (action == "list") {
    for (const auto& token : tokens.list())
      std::printf("%-24s %-7s %s\n", token.name.c_str(), std::string(server::role_name(token.role)).c_str(),
                  token.created.c_str());
    return 0;
  }
  if (name.empty())
    throw Error("fsfm serve token " + action + " takes the NAME of a token", "see fsfm serve token --help");
  if (action == "add") {
    if (secret_stdin) {
      std::string secret;
      std::getline(std::cin, secret);
      tokens.add_known(name, server::parse_role(role), secret);
    } else {
      print_line(tokens.add(name, server::parse_role(role)));
    }
  } else if (action == "revoke") {
    if (!tokens.revoke(name)) throw Error("there is no token '" + name + "'", "see fsfm serve token list");
  } else {
    throw Error("fsfm serve token knows no '" + action + "'", "take add, list or revoke");
  }
  return 0;
}

int run_audit(int argc, char** argv) {
  fs::path state = default_state();
  std::string action, format = "jsonl";
  Options options("serve audit", "What fsfm serve judged: verify the chain of rows, or export them");
  options.positional("ACTION", action, "verify or export").required();
  options.add("format", format, "of the export").choices({"jsonl", "csv"});
  add_state(options, state);
  if (!options.parse(argc, argv)) return 0;
  if (!fs::exists(state / "serve.db"))
    throw Error("there is no audit trail in " + state.string(), "name the folder of the server with --state");
  server::AuditTrail audit(std::make_shared<server::Database>(state / "serve.db"));
  if (action == "verify") {
    const std::string problem = audit.verify();
    if (!problem.empty()) throw Error((state / "serve.db").string() + ": " + problem, "restore it from a backup");
    std::printf("the chain is whole\n");
  } else if (action == "export") {
    if (format == "csv") std::fputs(server::csv_header().c_str(), stdout);
    audit.for_each([&](const server::AuditRow& row) {
      print_line(format == "csv" ? trim(server::to_csv(row)) : json_text(server::to_json(row)));
    });
  } else {
    throw Error("fsfm serve audit knows no '" + action + "'", "take verify or export");
  }
  return 0;
}

bool parse(int argc, char** argv, ServeOptions& o) {
  o.state = default_state();
  Options options("serve", "Judge faces over HTTP, with a page for people");
  options.add("host", o.host, "address to listen at; beyond this machine it takes tokens or --insecure").group("Where");
  options.add("port", o.port, "port; 0 = any that is free").range(0, 65535).group("Where");
  options.add("tls-cert", o.tls_cert, "certificate (PEM): HTTPS instead of HTTP").group("Where");
  options.add("tls-key", o.tls_key, "its key (PEM)").group("Where");
  options.add("insecure", o.insecure, "listen beyond this machine without tokens").group("Where");
  options.add("state", o.state, "folder of tokens, results and audit trail").group("Where");
  options.add("model", o.model, "detector (default: the one that comes with fsfm)").group("What judges");
  options
      .add("foundation", o.foundation,
           "pretrained model that paints hidden patches in the playground; none = no painting (default: the one that "
           "comes with fsfm)")
      .group("What judges");
  options
      .add("face-detector", o.face_detector,
           "face detector: " + join(face_detector_names(), ", ") + " (default: the model's own)")
      .group("What judges");
  options.add("min-face", o.min_face, "smaller faces (pixels) are inconclusive; 0 = 48")
      .range(0, 10000)
      .group("What judges");
  options.add("workers", o.workers, "processes that judge; 0 = one a core").range(0, 256).group("What judges");
  options.add("batch", o.batch, "pictures of several requests that go together").range(1, 16).group("What judges");
  options.add("batch-wait-ms", o.batch_wait_ms, "how long a picture waits for others")
      .range(0, 1000)
      .group("What judges");
  const char* limits = "Limits of one request";
  options.add("max-picture-bytes", o.max_picture_bytes, "of a picture").range(1, 1e12).group(limits);
  options.add("max-video-bytes", o.max_video_bytes, "of a video").range(1, 1e12).group(limits);
  options.add("max-pixels", o.max_pixels, "of a picture, looked at before it is decoded").range(1, 1e9).group(limits);
  options.add("max-files", o.max_files, "files in one request").range(1, 1000).group(limits);
  options.add("max-frames", o.max_frames, "frames sampled from a video").range(1, 10000).group(limits);
  options.add("max-faces", o.max_faces, "faces of a picture").range(1, 10000).group(limits);
  options.add("max-video-seconds", o.max_video_seconds, "length of a video").range(1, 1e6).group(limits);
  options.add("picture-timeout", o.picture_timeout, "seconds for a picture").range(0.1, 1e5).group(limits);
  options.add("video-timeout", o.video_timeout, "seconds for a video").range(0.1, 1e6).group(limits);
  options.add("upload-timeout", o.upload_timeout, "seconds for a body to arrive").range(0.1, 1e5).group(limits);
  options.add("worker-memory-mb", o.worker_memory_mb, "memory of a worker").range(256, 1e6).group(limits);
  const char* together = "Limits of all together";
  options.add("queue", o.queue, "uploads that wait; then 429").range(1, 1e6).group(together);
  options.add("connections", o.connections, "at once").range(2, 10000).group(together);
  options.add("rate", o.rate, "requests a second and token; 0 = no limit").range(0, 1e6).group(together);
  options.add("max-waiting-bytes", o.max_waiting_bytes, "of all uploads that are held").range(1, 1e13).group(together);
  options.add("drain-seconds", o.drain_seconds, "for requests under way when the server is stopped")
      .range(0, 1e5)
      .group(together);
  options.add("retention-days", o.retention_days, "of results and audit trail; 0 = for ever")
      .range(0, 100000)
      .group("What is kept");
  options.add("keep-names", o.keep_names, "file names as clients sent them, in results").group("What is kept");
  options.enable_environment("FSFM_SERVE_");
  options.enable_recipe();
  options.enable_quiet();
  options.footer(
      "Every flag may also come from FSFM_SERVE_NAME (FSFM_SERVE_PORT=80) or a TOML --recipe. docs/serving.md explains "
      "all.\n"
      "SIGTERM: what is under way is finished, then the server ends. SIGHUP: the model's file is loaded anew.\n\n"
      "  fsfm serve                                             then open http://127.0.0.1:8080\n"
      "  fsfm serve token add scanner --role detect\n"
      "  fsfm serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem\n"
      "  fsfm serve audit verify");
  return options.parse(argc, argv);
}

}  // namespace

int run_serve(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string("token")) return run_token(argc - 1, argv + 1);
  if (argc > 1 && argv[1] == std::string("audit")) return run_audit(argc - 1, argv + 1);
  ServeOptions wanted;
  if (!parse(argc, argv, wanted)) return 0;
  wanted.model = absolute_path(model_or_default(wanted.model));
  if (wanted.foundation.empty())
    wanted.foundation = find_model("fsfm-foundation.safetensors");
  else if (wanted.foundation == "none")
    wanted.foundation.clear();

  std::mutex mutex;
  std::condition_variable_any wake;
  bool reload = false;
  on_hangup([&] {
    std::lock_guard lock(mutex);
    reload = true;
    wake.notify_all();
  });
  server::Service service(wanted, [](const std::string& line) { log::info("{}", line); });
  server::Jobs jobs(service);
  server::HttpServer http(service, jobs);
  std::thread serving([&] { http.run(); });
  const std::string shown = wanted.host.find(':') == std::string::npos ? wanted.host : "[" + wanted.host + "]";
  print_line(fmt::format("fsfm serve: {}://{}:{}", wanted.tls_cert.empty() ? "http" : "https", shown, http.port()));
  service.audit.prune(wanted.retention_days);

  const std::stop_token stop = interrupt_token();
  while (!stop.stop_requested()) {
    bool load = false;
    {
      std::unique_lock lock(mutex);
      wake.wait_for(lock, stop, std::chrono::hours(1), [&] { return reload; });
      load = std::exchange(reload, false);
    }
    try {
      if (load) {
        service.scheduler.reload();
        log::info("model loaded anew");
      } else {
        service.audit.prune(wanted.retention_days);
      }
    } catch (const Error& error) {
      log::warn("{}; the server goes on as before", error.what());
    }
  }
  log::info("stopping: requests under way are finished");
  service.draining = true;
  service.scheduler.drain(wanted.drain_seconds);
  http.stop();
  serving.join();
  on_hangup({});
  return 0;
}

}  // namespace fsfm::cli
