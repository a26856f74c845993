// In the program without libtorch: everything that needs it is left to fsfm-learn. The real definitions are those of
// cli/learn/ and nn/torchscript_parser.cc.
#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/probe.h"
#include "nn/torchscript_parser.h"

namespace fsfm {

std::unique_ptr<FaceParser> make_torchscript_parser(const std::filesystem::path&) { throw cli::NeedsLearning(); }

namespace cli {

int run_finetune(int, char**) { throw NeedsLearning(); }
int run_pretrain(int, char**) { throw NeedsLearning(); }
int run_selfcheck(int, char**) { throw NeedsLearning(); }
int run_train_parser(int, char**) { throw NeedsLearning(); }
std::vector<BenchCase> bench_step(const BenchOptions&) { throw NeedsLearning(); }
std::vector<BenchCase> bench_step_bf16(const BenchOptions&) { throw NeedsLearning(); }
Probe reconstruction_probe(const ModelFile&, const ProbeFlags&, report::ProbeReport&) { throw NeedsLearning(); }

}  // namespace cli
}  // namespace fsfm
