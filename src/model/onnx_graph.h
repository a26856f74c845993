// A network written down as an ONNX file: nodes, weights, inputs and outputs (https://onnx.ai, IR version 7). Only what
// is written is known here: nothing is read, checked or run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fsfm {

// Thread-compatible.
class OnnxGraph {
 public:
  explicit OnnxGraph(std::string name) : name_(std::move(name)) {}

  // Attributes of a node.
  static std::string integer(const std::string& name, int64_t value);
  static std::string integers(const std::string& name, std::span<const int64_t> values);
  static std::string real(const std::string& name, float value);

  // Appends a node that computes `outputs` and returns the first of them. Nodes stand in the order of their calls; an
  // ONNX file wants them so that each comes after what it reads.
  std::string node(const std::string& kind, const std::vector<std::string>& inputs,
                   const std::vector<std::string>& outputs, const std::string& attributes = "");
  // Constants; return the name. `dims` of the floats must multiply to their number.
  std::string constant(const std::string& name, const std::vector<int64_t>& dims, std::span<const float> values);
  std::string constant(const std::string& name, std::span<const int64_t> values);

  // float32; a dimension of -1 is free, and called "batch".
  void input(const std::string& name, const std::vector<int64_t>& dims);
  void output(const std::string& name, const std::vector<int64_t>& dims);
  void metadata(const std::string& key, const std::string& value);

  // Atomically. Throws Error when the file would exceed the format's limit of 2 GiB.
  void write(const std::filesystem::path& path, int64_t opset) const;

 private:
  std::string name_, nodes_, constants_, inputs_, outputs_, metadata_;
};

}  // namespace fsfm
