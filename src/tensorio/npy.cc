#include "tensorio/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace fsfm {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxNpyHeaderBytes = 1 << 16;
constexpr std::array<std::pair<std::string_view, DType>, 9> kTypes = {{{"f8", DType::f64},
                                                                       {"f4", DType::f32},
                                                                       {"f2", DType::f16},
                                                                       {"i8", DType::i64},
                                                                       {"i4", DType::i32},
                                                                       {"i2", DType::i16},
                                                                       {"i1", DType::i8},
                                                                       {"u1", DType::u8},
                                                                       {"b1", DType::boolean}}};

// The text after `'key':` in the header's Python dictionary, blanks skipped; "" if the key is absent.
std::string_view value_of(std::string_view header, std::string_view key) {
  for (char quote : {'\'', '"'}) {
    const size_t at = header.find(quote + std::string(key) + quote);
    if (at == std::string_view::npos) continue;
    header.remove_prefix(at + key.size() + 2);
    const size_t start = header.find_first_not_of(" :");
    return start == std::string_view::npos ? std::string_view() : header.substr(start);
  }
  return {};
}

struct Header {
  DType dtype = DType::f32;
  bool swapped = false, fortran = false;
  Shape shape;
};

Header parse_header(std::string_view text, const std::string& name) {
  auto bad = [&](const std::string& what) { return Error(name + ": " + what, "save it again with numpy.save"); };
  Header header;
  const std::string_view descr = value_of(text, "descr");
  if (descr.size() < 4 || (descr[0] != '\'' && descr[0] != '"'))
    throw bad("the array's type is missing or a structure");
  const std::string_view type = descr.substr(1, descr.find(descr[0], 1) - 1);
  const auto known = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](auto& item) { return type.size() == 3 && type.substr(1) == item.first; });
  if (known == kTypes.end() || std::string_view("<>|=").find(type[0]) == std::string_view::npos)
    throw bad("arrays of type '" + std::string(type) + "' are not supported");
  header.dtype = known->second;
  header.swapped = type[0] == '>';
  const std::string_view order = value_of(text, "fortran_order");
  header.fortran = order.starts_with("True");
  if (!header.fortran && !order.starts_with("False")) throw bad("fortran_order is missing");
  std::string_view shape = value_of(text, "shape");
  if (!shape.starts_with('(')) throw bad("the shape is missing");
  shape.remove_prefix(1);
  for (;;) {
    const size_t start = shape.find_first_not_of(" ,");
    if (start == std::string_view::npos) throw bad("the shape is not closed");
    shape.remove_prefix(start);
    if (shape[0] == ')') break;
    int64_t size = 0;
    const auto [end, code] = std::from_chars(shape.data(), shape.data() + shape.size(), size);
    if (code != std::errc() || size < 0 || header.shape.size() >= 32) throw bad("the shape is not a list of sizes");
    header.shape.push_back(size);
    shape.remove_prefix(static_cast<size_t>(end - shape.data()));
  }
  return header;
}

// Column-major source -> row-major copy.
std::vector<std::byte> to_row_major(std::span<const std::byte> source, const Shape& shape, size_t item) {
  std::vector<std::byte> out(source.size());
  std::vector<int64_t> index(shape.size(), 0);
  std::vector<size_t> stride(shape.size(), 1);
  for (size_t d = 1; d < shape.size(); ++d) stride[d] = stride[d - 1] * static_cast<size_t>(shape[d - 1]);
  for (size_t to = 0; to * item < out.size(); ++to) {
    size_t from = 0;
    for (size_t d = 0; d < shape.size(); ++d) from += static_cast<size_t>(index[d]) * stride[d];
    std::memcpy(out.data() + to * item, source.data() + from * item, item);
    for (size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];) index[d] = 0;
  }
  return out;
}

}  // namespace

HostTensor read_npy(const fs::path& path) {
  const MappedFile file(path);
  return parse_npy(file.bytes(), path.string());
}

HostTensor parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic) || bytes.size() < 12)
    throw Error(name + " is not a .npy file", "save it with numpy.save");
  const int major = static_cast<int>(bytes[6]);
  if (major < 1 || major > 3)
    throw Error(name + ": .npy version " + std::to_string(major) + " is unknown", "save it again with numpy.save");
  size_t header_bytes = static_cast<size_t>(bytes[8]) | static_cast<size_t>(bytes[9]) << 8, start = 10;
  if (major >= 2) {
    header_bytes |= static_cast<size_t>(bytes[10]) << 16 | static_cast<size_t>(bytes[11]) << 24;
    start = 12;
  }
  if (header_bytes > kMaxNpyHeaderBytes || header_bytes > bytes.size() - start)
    throw Error(name + ": its header reaches past the end of the file", "the file is damaged or incomplete");
  Header header = parse_header(text.substr(start, header_bytes), name);

  const std::span<const std::byte> data = bytes.subspan(start + header_bytes);
  const size_t item = dtype_size(header.dtype);
  const auto count = static_cast<uint64_t>(element_count(header.shape));
  if (count > data.size() / item)
    throw Error(name + ": the array " + shape_text(header.shape) + " needs more bytes than the file has",
                "the file is damaged or incomplete");
  const auto part = data.first(static_cast<size_t>(count) * item);
  HostTensor tensor{header.dtype, header.shape, {}};
  if (header.fortran && header.shape.size() > 1)
    tensor.data = to_row_major(part, header.shape, item);
  else
    tensor.data.assign(part.begin(), part.end());
  if (header.swapped)
    for (size_t i = 0; i < tensor.data.size(); i += item)
      std::reverse(tensor.data.begin() + i, tensor.data.begin() + i + item);
  return tensor;
}

void write_npy(const fs::path& path, const TensorView& tensor) {
  const auto type = std::find_if(kTypes.begin(), kTypes.end(), [&](auto& item) { return item.second == tensor.dtype; });
  if (type == kTypes.end())
    throw Error("cannot write " + path.string() + ": NumPy has no type for " + dtype_name(tensor.dtype),
                "convert to F32 first");
  const size_t item = dtype_size(tensor.dtype);
  if (static_cast<uint64_t>(tensor.count()) * item != tensor.bytes.size())
    throw Error("cannot write " + path.string() + ": the tensor's bytes do not fit its shape");
  std::string shape;
  for (int64_t size : tensor.shape) shape += std::to_string(size) + ",";
  std::string header = std::string("{'descr': '") + (item == 1 ? '|' : '<') + std::string(type->first) +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  // NumPy wants magic + version + length + header to be a multiple of 64, ending in a newline.
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  AtomicFile file(path);
  const char length[4] = {1, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  file.write(kMagic);
  file.write(std::string_view(length, 4));
  file.write(header);
  file.write(tensor.bytes);
  file.commit();
}

}  // namespace fsfm
