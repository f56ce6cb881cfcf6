// SPDX-License-Identifier: Apache-2.0
#include "pipelines/model_paths.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "formats/checkpoint.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVocabulary = "bpe_simple_vocab_16e6.txt.gz";
constexpr int kSamples = 64;
constexpr size_t kSampleBytes = 4096;

fs::path program_folder() {
  std::error_code status;
  const fs::path program = fs::read_symlink("/proc/self/exe", status);
  return status ? fs::path() : program.parent_path();
}

bool is_file(const fs::path& path) {
  std::error_code status;
  return fs::is_regular_file(path, status);
}

std::string listed(const std::vector<fs::path>& paths) {
  std::string text;
  for (const fs::path& path : paths) text += (text.empty() ? "" : ", ") + path.string();
  return text;
}

void add_samples(Sha256& hash, const fs::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  hash.update(fmt::format("{};", bytes.size()));
  const size_t count = bytes.size() < kSamples * kSampleBytes ? 1 : kSamples;
  const size_t length = count == 1 ? bytes.size() : kSampleBytes;
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = count == 1 ? 0 : (bytes.size() - length) / (count - 1) * i;
    hash.update(bytes.data() + begin, length);
  }
}

const KindPath* find_kind(const std::vector<KindPath>& list, std::string_view kind) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const KindPath& k) { return k.kind == kind; });
  return found == list.end() ? nullptr : &*found;
}

// A ControlNet file that holds a whole model, as those of version 1.0 do.
bool carries_base(const fs::path& path) {
  const ModelProbe probe = inspect_checkpoint(path).probe;
  return probe.has(PartKind::unet) && probe.has(PartKind::vae) &&
         (probe.has(PartKind::clip_text) || probe.has(PartKind::openclip_text));
}

void require_exists(const fs::path& path, const std::string& where) {
  std::error_code status;
  if (!fs::exists(path, status))
    throw Error(ErrorKind::not_found, path.string(), fmt::format("there is no such {}", where));
}

[[noreturn]] void throw_no_control(const std::string& kind) {
  throw Error(
      ErrorKind::bad_request, "control",
      fmt::format("there is no ControlNet for `{0}`: name its file with --controlnet {0}=FILE",
                  printable(kind, 60)));
}

}  // namespace

std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  if (const char* own = std::getenv("ZEROCONV_MODELS"); own != nullptr && *own != '\0')
    folders.emplace_back(own);
  if (const fs::path program = program_folder(); !program.empty()) {
    folders.push_back(program / "../share/zeroconv/models");
    folders.push_back(program / "../../../models");
  }
  folders.push_back(fs::path(ZC_SOURCE_DIR) / "models");
  for (fs::path& folder : folders) folder = folder.lexically_normal();
  const auto repeated = [&, seen = std::vector<fs::path>()](const fs::path& folder) mutable {
    if (std::find(seen.begin(), seen.end(), folder) != seen.end()) return true;
    seen.push_back(folder);
    return false;
  };
  std::erase_if(folders, repeated);
  return folders;
}

std::optional<fs::path> find_builtin_file(std::string_view name) {
  for (const fs::path& folder : model_folders()) {
    for (const fs::path& path : {folder / "builtin" / name, folder / name}) {
      if (is_file(path)) return path;
    }
  }
  return std::nullopt;
}

fs::path find_vocabulary() {
  std::vector<fs::path> places;
  for (const fs::path& folder : model_folders()) {
    places.push_back(folder / kVocabulary);
    places.push_back((folder / "../.deps/clip" / kVocabulary).lexically_normal());
  }
  for (const fs::path& path : places) {
    if (is_file(path)) return path;
  }
  throw Error(ErrorKind::not_found, std::string(kVocabulary),
              fmt::format("CLIP's vocabulary is missing; `make deps` fetches it. Looked for {}",
                          listed(places)));
}

fs::path resolve_model(const std::string& model) {
  if (model != "builtin") {
    require_exists(model, "model");
    return model;
  }
  if (const auto path = find_builtin_file("base.safetensors")) return *path;
  throw Error(ErrorKind::not_found, "builtin",
              fmt::format("builtin/base.safetensors is in none of {}; name a model with --model, "
                          "or a folder with the "
                          "environment variable ZEROCONV_MODELS",
                          listed(model_folders())));
}

std::string file_fingerprint(const fs::path& path) {
  Sha256 hash;
  if (!fs::is_directory(path)) {
    add_samples(hash, path);
  } else {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) add_samples(hash, file);
  }
  return hash.finish_hex().substr(0, 16);
}

ModelPaths paths_of_request(const GenerateRequest& request) {
  std::vector<KindPath> named;
  for (const std::string& text : request.controlnets)
    named.push_back(parse_kind_path(text, "controlnet"));
  for (const KindPath& control : named) require_exists(control.path, "ControlNet");

  ModelPaths paths;
  paths.prediction = request.prediction;
  if (request.model == "builtin" && !named.empty() && carries_base(named.front().path)) {
    paths.base = named.front().path;
  } else {
    paths.base = resolve_model(request.model);
  }
  const bool builtin_base =
      request.model == "builtin" && paths.base == find_builtin_file("base.safetensors");
  for (const ControlUnit& unit : request.controls) {
    if (find_kind(paths.controls, unit.kind) != nullptr) continue;
    if (const KindPath* file = find_kind(named, unit.kind)) {
      paths.controls.push_back(*file);
    } else if (const fs::path own =
                   paths.base.parent_path() / fmt::format("control_{}.safetensors", unit.kind);
               builtin_base && is_file(own)) {  // beside its base: others are not made for it
      paths.controls.push_back({unit.kind, own});
    } else if (!builtin_base && inspect_checkpoint(paths.base).probe.has(PartKind::control)) {
      paths.controls.push_back({unit.kind, {}});
    } else {
      throw_no_control(unit.kind);
    }
  }
  return paths;
}

void check_precision(const std::string& precision, bool on_cpu) {
  if (on_cpu && precision == "fp16")
    throw Error(ErrorKind::unsupported, "precision",
                "fp16 is for GPUs: take fp32, or on the CPU bf16, int16 or int8 where it has such "
                "products");
  if (!on_cpu && (precision == "int8" || precision == "int16"))
    throw Error(ErrorKind::unsupported, "precision",
                fmt::format("{} is for the CPU: take fp16 or bf16", precision));
}

void check_exact(bool exact, bool on_cpu) {
  if (exact && !on_cpu)
    throw Error(ErrorKind::unsupported, "exact",
                "is for the CPU: leave it out, or take --device cpu");
}

void place_networks(ModelPaths& paths, const std::string& device, const std::string& precision) {
  const bool on_cpu = device == "cpu";
  check_precision(precision, on_cpu);
  paths.device = device;
  if (!on_cpu) paths.network = precision == "auto" ? "fp16" : precision;
}

}  // namespace zc
