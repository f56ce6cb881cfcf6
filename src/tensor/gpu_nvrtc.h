// SPDX-License-Identifier: Apache-2.0
// NVRTC, NVIDIA's compiler as a library, which is opened at run time: libtorch brings it, and no
// headers of it are needed. Part of libzeroconv_cuda.so; knows no tensor.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace zc {

class Nvrtc {
 public:
  // The first of these libraries that opens and has NVRTC's functions, in itself or in what it is
  // linked with. Throws std::runtime_error with what was wrong with each.
  explicit Nvrtc(const std::vector<std::string>& libraries);
  ~Nvrtc();
  Nvrtc(const Nvrtc&) = delete;
  Nvrtc& operator=(const Nvrtc&) = delete;

  struct Source {
    std::string name;  // stands for the text in messages
    std::string text;
    std::vector<std::string> macros;  // as in "NAME=text"
  };
  // Machine code for one architecture, as in "sm_90". Throws std::runtime_error with the compiler's
  // first complaint.
  std::vector<char> compile(const Source& source, const std::string& architecture) const;

 private:
  struct Functions;
  std::unique_ptr<Functions> functions_;
};

}  // namespace zc
