// Makes PyTorch checkpoints, honest and hostile, byte by byte.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace fsfm::test {

// Pickle instructions (protocol 2) as strings to be joined.
namespace pkl {
std::string integer(int value);
std::string text(const std::string& value);
std::string global(const std::string& module, const std::string& name);
std::string tuple(const std::vector<std::string>& items);
std::string dict(const std::vector<std::pair<std::string, std::string>>& entries);
std::string call(const std::string& callable, const std::string& args);
// torch._utils._rebuild_tensor_v2 on storage `key`.
std::string tensor(const std::string& key, int storage_elements, int offset, const std::vector<int>& shape,
                   const std::vector<int>& stride, const std::string& storage_type = "FloatStorage");
std::string program(const std::string& value);  // protocol header and stop
}  // namespace pkl

// A zip archive of these entries; `deflate` compresses them.
std::string zip(const std::vector<std::pair<std::string, std::string>>& entries, bool deflate = false);
// A checkpoint: data.pkl and the storages "0", "1", ...
std::string checkpoint(const std::string& value, const std::vector<std::string>& storages = {}, bool deflate = false);

}  // namespace fsfm::test
