// What the program prints on stdout, and what becomes of it when nobody reads on or the disk is full.
#pragma once

#include <string_view>

namespace fsfm::cli {

// The reader of stdout went away (| head): the command ends quietly with kBrokenPipeExit, as shells know it.
struct ReaderGone {};
constexpr int kBrokenPipeExit = 128 + 13;

// Opens /dev/null where one of the three standard streams is closed, so that no file of ours gets its number and is
// printed into; and makes a reader that goes away an error of write() instead of a death that leaves temporary files.
// To be called before anything is opened.
void prepare_standard_streams();

// Sends on what was printed. Throws ReaderGone, or Error when it cannot be written (a full disk).
void flush_output();

// The line and its end, sent on at once.
void print_line(std::string_view line);

}  // namespace fsfm::cli
