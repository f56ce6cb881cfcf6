// SPDX-License-Identifier: Apache-2.0
#include "tensor/gpu_nvrtc.h"

#include <dlfcn.h>

#include <cstddef>
#include <stdexcept>
#include <string_view>

namespace zc {
namespace {

// As nvrtc.h declares them. A result of 0 is success.
using Result = int;
using Program = struct NvrtcProgram*;

std::string text_of_dlerror() {
  const char* error = ::dlerror();
  return error == nullptr ? "unknown error" : error;
}

// One line of the log: the first that speaks of an error, else the first.
std::string first_complaint(std::string_view log) {
  size_t at = log.find("error");
  if (at == std::string_view::npos) at = 0;
  const size_t line = log.rfind('\n', at);
  const size_t begin = line == std::string_view::npos ? 0 : line + 1;
  const size_t end = log.find('\n', at);
  return std::string(log.substr(begin, end == std::string_view::npos ? end : end - begin));
}

}  // namespace

struct Nvrtc::Functions {
  void* library = nullptr;
  Result (*create)(Program*, const char* source, const char* name, int headers,
                   const char* const* header_texts, const char* const* header_names) = nullptr;
  Result (*destroy)(Program*) = nullptr;
  Result (*compile)(Program, int options, const char* const* option_texts) = nullptr;
  Result (*cubin_size)(Program, size_t*) = nullptr;
  Result (*cubin)(Program, char*) = nullptr;
  Result (*log_size)(Program, size_t*) = nullptr;
  Result (*log)(Program, char*) = nullptr;
  Result (*version)(int* major, int* minor) = nullptr;
  const char* (*error_text)(Result) = nullptr;

  template <class Function>
  bool find(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(::dlsym(library, name));
    return function != nullptr;
  }

  bool find_all() {
    return find(create, "nvrtcCreateProgram") && find(destroy, "nvrtcDestroyProgram") &&
           find(compile, "nvrtcCompileProgram") && find(cubin_size, "nvrtcGetCUBINSize") &&
           find(cubin, "nvrtcGetCUBIN") && find(log_size, "nvrtcGetProgramLogSize") &&
           find(log, "nvrtcGetProgramLog") && find(version, "nvrtcVersion") &&
           find(error_text, "nvrtcGetErrorString");
  }

  // NVRTC opens a second library by its name alone when it compiles. Where it is not among the
  // system's, the one that lies beside it is loaded here, which that name then leads to.
  void load_builtins() const {
    int major = 0, minor = 0;
    Dl_info info = {};
    if (version(&major, &minor) != 0 || ::dladdr(reinterpret_cast<void*>(version), &info) == 0)
      return;
    const std::string path = info.dli_fname;
    const std::string beside = path.substr(0, path.rfind('/') + 1) + "libnvrtc-builtins.so." +
                               std::to_string(major) + "." + std::to_string(minor);
    ::dlopen(beside.c_str(), RTLD_NOW | RTLD_LOCAL);  // if not, the compiler will say so
  }

  void check(Result result, const char* what) const {
    if (result != 0)
      throw std::runtime_error(std::string("NVRTC cannot ") + what + ": " + error_text(result));
  }

  std::string log_of(Program program) const {
    size_t size = 0;
    if (log_size(program, &size) != 0 || size == 0) return {};
    std::string text(size, '\0');
    if (log(program, text.data()) != 0) return {};
    text.resize(size - 1);  // ends with a zero byte
    return text;
  }
};

Nvrtc::Nvrtc(const std::vector<std::string>& libraries) : functions_(new Functions) {
  std::string tried;
  for (const std::string& name : libraries) {
    tried += tried.empty() ? "" : "; ";
    functions_->library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (functions_->library == nullptr) {
      tried += text_of_dlerror();
      continue;
    }
    if (functions_->find_all()) {
      functions_->load_builtins();
      return;
    }
    tried += name + " lacks functions of NVRTC";
    ::dlclose(functions_->library);
  }
  throw std::runtime_error("NVRTC, NVIDIA's run-time compiler, cannot be opened (" + tried + ")");
}

// The library stays loaded: libtorch uses it too, and threads of it may run.
Nvrtc::~Nvrtc() = default;

std::vector<char> Nvrtc::compile(const Source& source, const std::string& architecture) const {
  const Functions& f = *functions_;
  Program program = nullptr;
  f.check(f.create(&program, source.text.c_str(), source.name.c_str(), 0, nullptr, nullptr),
          "start");
  const auto destroy = [&f](Program* p) { f.destroy(p); };
  const std::unique_ptr<Program, decltype(destroy)> guard(&program, destroy);
  // Lambdas are code for the GPU like all else.
  std::vector<std::string> options = {"--gpu-architecture=" + architecture, "--std=c++17",
                                      "--device-as-default-execution-space"};
  for (const std::string& macro : source.macros) options.push_back("--define-macro=" + macro);
  std::vector<const char*> texts;
  for (const std::string& option : options) texts.push_back(option.c_str());
  const Result result = f.compile(program, static_cast<int>(texts.size()), texts.data());
  if (result != 0) {
    const std::string log = f.log_of(program);
    throw std::runtime_error("NVRTC cannot compile " + source.name + " for " + architecture + ": " +
                             (log.empty() ? f.error_text(result) : first_complaint(log)));
  }
  size_t size = 0;
  f.check(f.cubin_size(program, &size), "tell how long the machine code is");
  std::vector<char> code(size);
  f.check(f.cubin(program, code.data()), "hand over the machine code");
  return code;
}

}  // namespace zc
