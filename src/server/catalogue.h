// SPDX-License-Identifier: Apache-2.0
// The model files that are there, by names that are no paths.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace zc {

// One model: a file, or a folder as diffusers writes it.
struct ModelEntry {
  std::string id;              // "builtin", "builtin-canny", "v1-5-pruned": letters, digits, . _ -
  std::string title;           // "v1-5-pruned.safetensors [a1b2c3d4e5]", as the web UI shows it
  std::string kind;            // base, controlnet, annotator, lora
  std::filesystem::path file;  // never leaves the server
  std::string family;          // sd15, sd21, sdxl, built_in; "" where it does not matter
  std::string control_kind;    // of a ControlNet or an annotator's file: "canny"; "" not known
  std::string sha10;           // ten digits of its fingerprint (pipelines/model_paths.h)
  int64_t bytes = 0;
  std::string problem;  // why it cannot be used, for people; "": it can
};

// What a look into a file finds; kind "" means that it is no model of ours.
struct ModelLook {
  std::string kind;
  std::string family;
  std::string control_kind;
  std::string sha10;
  std::string problem;
};
using ModelReader = std::function<ModelLook(const std::filesystem::path&)>;

struct CatalogueOptions {
  std::vector<std::filesystem::path> folders;  // searched in this order, with all below them
  ModelReader read;  // of a file that is new or has changed; look_into_model() is the real one
};

// Thread-safe. Files are read when they are first seen or have changed.
class Catalogue {
 public:
  // Does not look yet: refresh() does.
  explicit Catalogue(CatalogueOptions options);

  // Looks through the folders. Folders that are not there are skipped. Returns whether anything has
  // changed.
  bool refresh();

  std::vector<ModelEntry> list() const;  // bases, ControlNets, LoRAs, annotators; each by id
  std::optional<ModelEntry> find(std::string_view id) const;
  // The ControlNet that a layer of this kind gets when none is named: one for the base's family,
  // the built-in ones for the built-in base.
  std::optional<ModelEntry> control_for(std::string_view kind, const ModelEntry& base) const;
  // Throws bad_request with `field` as where, the nearest id and how to see all, when there is no
  // such model of that kind or it has a problem.
  ModelEntry need(std::string_view id, std::string_view kind, const std::string& field) const;

  const std::vector<std::filesystem::path>& folders() const { return options_.folders; }

 private:
  struct Seen {
    int64_t bytes = 0;
    std::filesystem::file_time_type changed;
    ModelLook look;
  };
  Seen look_at(const std::filesystem::path& path) const;

  CatalogueOptions options_;
  std::mutex refreshing_;
  mutable std::mutex mutex_;
  std::map<std::filesystem::path, Seen> seen_;  // of refresh() alone
  std::vector<ModelEntry> entries_;
};

// {"id","title","kind","family","control_kind","sha10","bytes","ready","problem"}: no path.
nlohmann::json model_json(const ModelEntry& entry);

// Reads the headers of a model file with the program's own readers (library zc_engine).
ModelLook look_into_model(const std::filesystem::path& file);

// For POST /api/v1/models/{id}/verify: reads all of it (library zc_engine).
struct ModelCheck {
  bool ok = false;
  std::string sha256;                 // of the file; "" of a folder
  std::vector<std::string> problems;  // for people
};
ModelCheck verify_model(const ModelEntry& entry);

}  // namespace zc
