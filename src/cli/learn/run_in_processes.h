// What `pretrain` and `finetune` share: --nproc, threads dealt out to the processes, and how an interrupt ends them.
#pragma once

#include <algorithm>

#include "base/interrupt.h"
#include "base/options.h"
#include "base/parallel.h"
#include "train/distributed/distributed.h"

namespace fsfm::cli {

// Parses the command line with --nproc added to `options`, then runs run(recipe, recipe as TOML, Communicator&) in each
// process. Returns the exit code.
template <class Recipe, class Run>
int run_in_processes(Options& options, Recipe& recipe, int argc, char** argv, Run run) {
  int processes = 1;
  options.add("nproc", processes, "processes on this machine (torchrun, mpirun and srun are recognised by themselves)")
      .range(1, 1024)
      .group("Machine")
      .command_line_only();
  if (!options.parse(argc, argv)) return 0;
  if (processes > 1 && recipe.threads == 0) recipe.threads = std::max(1, thread_count(0) / processes);
  recipe.stop = interrupt_token();
  return run_distributed(processes, [&](Communicator& others) { return run(recipe, options.to_toml(), others); },
                         {recipe.stop, install_interrupt_handlers, interrupted_exit_code});
}

}  // namespace fsfm::cli
