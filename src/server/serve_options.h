// What `fsfm serve` can be told: addresses, limits and files. Every member is a flag, a TOML key and FSFM_SERVE_NAME.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace fsfm::server {

struct ServeOptions {
  // where
  std::string host = "127.0.0.1";
  int port = 8080;  // 0 = any that is free
  std::filesystem::path tls_cert, tls_key;
  bool insecure = false;        // beyond loopback without tokens
  std::filesystem::path state;  // the folder of tokens, results and audit trail
  // what judges
  std::filesystem::path model;
  std::filesystem::path foundation;  // that paints in the playground; empty: none
  std::string face_detector;
  double min_face = 0;
  int workers = 0;  // processes; 0 = one a core
  int batch = 8;    // pictures that one worker takes at once
  int batch_wait_ms = 2;
  // limits of one request
  int64_t max_picture_bytes = 32ll << 20, max_video_bytes = 512ll << 20;
  int64_t max_pixels = 50'000'000;
  int max_files = 64, max_frames = 256, max_faces = 100;
  double max_video_seconds = 1800;
  double picture_timeout = 30, video_timeout = 600;  // seconds of work, then the worker is replaced
  double upload_timeout = 120;                       // seconds for a whole body
  int worker_memory_mb = 4096;
  // limits of all of them together
  int queue = 64;                         // waiting requests; then 429
  int connections = 256;                  // at once
  double rate = 0;                        // requests a second and token; 0 = no limit
  int64_t max_waiting_bytes = 2ll << 30;  // of all uploads that are held, jobs included
  double drain_seconds = 30;
  // what is kept
  int retention_days = 30;  // of results and audit trail; 0 = for ever
  bool keep_names = true;   // file names as clients sent them, in results
};

}  // namespace fsfm::server
