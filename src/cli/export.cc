// fsfm export M --onnx OUT.onnx: a model for other people's runtimes.
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/options.h"
#include "cli/commands.h"
#include "cli/default_model.h"
#include "model/onnx_export.h"

namespace fsfm::cli {

int run_export(int argc, char** argv) {
  std::filesystem::path model, out;
  OnnxExportOptions exporting;
  Options options("export", "Write a detector as an ONNX file, with its card in the metadata");
  options.positional("MODEL", model, "model file (default: the detector that comes with fsfm)");
  options.add("onnx", out, "file to write").required();
  options.add("batch", exporting.batch, "pictures a call, for runtimes that want a fixed number; 0 = any number")
      .range(0, 65536);
  options.add("opencv-4.6", exporting.for_opencv46,
              "write it for OpenCV 4.6 (Debian 12), which cannot do all of it: one picture a call, slower elsewhere");
  options.footer(
      "Example:\n"
      "  fsfm export detector.safetensors --onnx detector.onnx\n"
      "How to make its input from a face, and its output a verdict: docs/export.md");
  if (!options.parse(argc, argv)) return 0;
  if (exporting.for_opencv46 && exporting.batch > 1)
    throw Error("--opencv-4.6 takes one picture a call", "leave --batch out");
  if (exporting.for_opencv46) exporting.batch = 1;
  const ModelFile file = ModelFile::open(model_or_default(model));
  export_onnx(file, out, exporting);
  std::printf("%s: \"images\" [%s, 3, S, S] to %s\n", out.c_str(),
              exporting.batch > 0 ? std::to_string(exporting.batch).c_str() : "batch",
              file.card().classes.empty() ? "\"features\"" : "\"logits\" and \"probabilities\"");
  return 0;
}

}  // namespace fsfm::cli
