// Runs a library of NIST's PAD interface as the evaluation does: initialised once, then forked.
//   frvt_pad_driver [--video FPS] impersonation|evasion CONFIG FORKS FILE.ppm...
// A line per medium (every file; with --video all files together): return code, isPA, score, seconds, then the
// properties as KEY=VALUE, separated by tabs. Exit code 0, or 1 with a word on stderr: also when the library holds more
// than the one thread that it is granted.
#define NIST_EXTERN_API_VERSION
#define NIST_EXTERN_FRVT_STRUCTS_VERSION
#include <frvt_pad.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace {

// Binary PPM or PGM without comments.
FRVT::Image read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string kind;
  unsigned width = 0, height = 0, most = 0;
  file >> kind >> width >> height >> most;
  file.get();
  if (!file || (kind != "P6" && kind != "P5") || most != 255 || width > 65535 || height > 65535)
    throw std::runtime_error(path + ": no binary PPM or PGM of 8 bits");
  const uint8_t depth = kind == "P6" ? 24 : 8;
  const size_t size = size_t{width} * height * depth / 8;
  std::shared_ptr<uint8_t> pixels(new uint8_t[size], std::default_delete<uint8_t[]>());
  if (!file.read(reinterpret_cast<char*>(pixels.get()), static_cast<std::streamsize>(size)))
    throw std::runtime_error(path + ": cut short");
  return {static_cast<uint16_t>(width),
          static_cast<uint16_t>(height),
          depth,
          pixels,
          FRVT::Image::ImageDescription::FaceUnknown,
          FRVT::Image::Illuminant::Visible};
}

int threads() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (int count = 0; word == "Threads:" && status >> count) return count;
  throw std::runtime_error("/proc/self/status names no threads");
}

std::string answer(FRVT_PAD::Interface& pad, bool evasion, const FRVT::Media& media) {
  bool is_attack = false;
  double score = 0;
  std::vector<std::pair<std::string, std::string>> properties;
  const auto start = std::chrono::steady_clock::now();
  const FRVT::ReturnStatus status = evasion ? pad.detectEvasionPA(media, is_attack, score, properties)
                                            : pad.detectImpersonationPA(media, is_attack, score, properties);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (threads() != 1) throw std::runtime_error("the library holds " + std::to_string(threads()) + " threads");
  std::ostringstream line;
  line.precision(17);
  line << static_cast<int>(status.code) << '\t' << is_attack << '\t' << score << '\t' << seconds.count();
  for (const auto& [key, value] : properties) line << '\t' << key << '=' << value;
  return line.str() + '\n';
}

// Each process takes every `forks`-th medium and writes its lines to a file of its own, which are then put in order.
void run(FRVT_PAD::Interface& pad, bool evasion, const std::vector<FRVT::Media>& media, size_t forks) {
  std::vector<std::FILE*> files;
  std::vector<pid_t> children;
  for (size_t k = 0; k < forks; ++k) {
    files.push_back(std::tmpfile());
    if (!files.back()) throw std::runtime_error("no temporary file");
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
      try {
        for (size_t i = k; i < media.size(); i += forks) std::fputs(answer(pad, evasion, media[i]).c_str(), files[k]);
        ::_exit(std::fflush(files[k]) == 0 ? 0 : 1);
      } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        ::_exit(1);
      }
    }
    children.push_back(child);
  }
  bool sound = true;
  for (const pid_t child : children) {
    int state = 0;
    sound &= ::waitpid(child, &state, 0) == child && WIFEXITED(state) && WEXITSTATUS(state) == 0;
  }
  if (!sound) throw std::runtime_error("a process failed");
  for (std::FILE* file : files) std::rewind(file);
  for (size_t i = 0; i < media.size(); ++i)
    for (int c; (c = std::fgetc(files[i % forks])) != EOF;) {
      std::cout << static_cast<char>(c);
      if (c == '\n') break;
    }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::vector<std::string> args(argv + 1, argv + argc);
    int fps = 0;
    if (args.size() > 1 && args[0] == "--video") {
      fps = std::stoi(args[1]);
      args.erase(args.begin(), args.begin() + 2);
    }
    if (args.size() < 4 || (args[0] != "impersonation" && args[0] != "evasion") || std::stoi(args[2]) < 1)
      throw std::runtime_error("usage: frvt_pad_driver [--video FPS] impersonation|evasion CONFIG FORKS FILE.ppm...");
    if (FRVT_PAD::API_MAJOR_VERSION != 1 || FRVT::FRVT_STRUCTS_MAJOR_VERSION != 3)
      throw std::runtime_error("the library speaks another version of the interface");
    const auto pad = FRVT_PAD::Interface::getImplementation();
    if (const auto status = pad->initialize(args[1]); status.code != FRVT::ReturnCode::Success)
      throw std::runtime_error("initialize: " + status.info);
    if (threads() != 1) throw std::runtime_error("initialize leaves " + std::to_string(threads()) + " threads");
    std::vector<FRVT::Media> media;
    std::vector<FRVT::Image> pictures;
    for (size_t i = 3; i < args.size(); ++i) pictures.push_back(read_ppm(args[i]));
    if (fps > 0) {
      media.emplace_back(FRVT::Media::Label::Video, pictures, static_cast<uint8_t>(fps));
    } else {
      for (const auto& picture : pictures)
        media.emplace_back(FRVT::Media::Label::Image, std::vector{picture}, uint8_t{0});
    }
    run(*pad, args[0] == "evasion", media, static_cast<size_t>(std::stoi(args[2])));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
