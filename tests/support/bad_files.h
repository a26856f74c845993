// The files that users bring by mistake, and some that strangers make on purpose.
#pragma once

#include <filesystem>

#include "support/run_cli.h"

namespace fsfm::test {

// Writes into `dir`: empty/ (a folder), wall.png (a photo without a face), text.jpg, texts/text.jpg, cut.pth (half a
// checkpoint), evil.pth (its pickle would run `touch DIR/canary`), beyond.safetensors (a tensor past the end of the
// file), huge.safetensors (a header of 2^60 bytes), typo.toml (a key no command has).
void write_bad_files(const std::filesystem::path& dir);

// Exit code 2 and one line on stderr that begins with "fsfm: " and holds every one of `parts`; nothing on stdout.
void expect_one_line(const CliResult& result, const std::vector<std::string>& parts);

}  // namespace fsfm::test
