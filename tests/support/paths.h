// Where the checkout and the program under test lie.
#pragma once

#include <filesystem>
#include <string>

namespace fsfm::test {

std::filesystem::path source_dir();                     // the root of the checkout
std::filesystem::path golden(const std::string& name);  // tests/golden/NAME: reference values of the authors' code
std::string program();                                  // the built `fsfm`

}  // namespace fsfm::test
