// fsfm info FILE
#include "cli/commands.h"

namespace fsfm::cli {

int run_info(int, char**) { return 0; }

}  // namespace fsfm::cli
