#include "support/pth_writer.h"

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace fsfm::test {
namespace {

template <class T>
std::string little(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::string deflated(const std::string& data) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflate");
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

namespace pkl {

std::string integer(int value) { return std::string("J") += little<int32_t>(value); }
std::string text(const std::string& value) {
  return std::string("X") += little(static_cast<uint32_t>(value.size())) + value;
}
std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }

std::string tuple(const std::vector<std::string>& items) {
  std::string code = "(";
  for (const auto& item : items) code += item;
  return code + "t";
}

std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string code = "}(";
  for (const auto& [key, value] : entries) code += text(key) + value;
  return code + "u";
}

std::string call(const std::string& callable, const std::string& args) { return callable + args + "R"; }

std::string tensor(const std::string& key, int storage_elements, int offset, const std::vector<int>& shape,
                   const std::vector<int>& stride, const std::string& storage_type) {
  std::vector<std::string> sizes, strides;
  for (int size : shape) sizes.push_back(integer(size));
  for (int step : stride) strides.push_back(integer(step));
  const std::string storage =
      tuple({text("storage"), global("torch", storage_type), text(key), text("cpu"), integer(storage_elements)}) + "Q";
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              tuple({storage, integer(offset), tuple(sizes), tuple(strides), "\x89",
                     call(global("collections", "OrderedDict"), ")")}));
}

std::string program(const std::string& value) { return "\x80\x02" + value + "."; }

}  // namespace pkl

std::string zip(const std::vector<std::pair<std::string, std::string>>& entries, bool deflate) {
  std::string file, directory;
  for (const auto& [name, data] : entries) {
    const std::string stored = deflate ? deflated(data) : data;
    const auto crc =
        static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
    const std::string common = little<uint16_t>(20) + little<uint16_t>(0) + little<uint16_t>(deflate ? 8 : 0) +
                               little<uint32_t>(0) + little(crc) + little(static_cast<uint32_t>(stored.size())) +
                               little(static_cast<uint32_t>(data.size())) + little(static_cast<uint16_t>(name.size())) +
                               little<uint16_t>(0);
    directory += "PK\1\2" + little<uint16_t>(20) + common + std::string(10, '\0') +
                 little(static_cast<uint32_t>(file.size())) + name;
    file += "PK\3\4" + common + name + stored;
  }
  const auto count = static_cast<uint16_t>(entries.size());
  const std::string end = "PK\5\6" + std::string(4, '\0') + little(count) + little(count) +
                          little(static_cast<uint32_t>(directory.size())) + little(static_cast<uint32_t>(file.size())) +
                          std::string(2, '\0');
  return file + directory + end;
}

std::string checkpoint(const std::string& value, const std::vector<std::string>& storages, bool deflate) {
  std::vector<std::pair<std::string, std::string>> entries = {{"archive/data.pkl", pkl::program(value)}};
  for (size_t i = 0; i < storages.size(); ++i) entries.emplace_back("archive/data/" + std::to_string(i), storages[i]);
  return zip(entries, deflate);
}

}  // namespace fsfm::test
