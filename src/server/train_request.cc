// SPDX-License-Identifier: Apache-2.0
#include "server/train_request.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "server/native_request.h"
#include "server/train_dataset.h"
#include "training/trainer.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> kStudioOptions = {"data", "out", "cache", "resume"};
constexpr size_t kLongestName = 80;

std::string checked_name(const std::string& name) {
  const std::string_view text = trim(name);
  if (text.empty()) throw Error(ErrorKind::bad_request, "name", "a run wants a name");
  if (text.size() > kLongestName || printable(text) != text) {
    throw Error(ErrorKind::bad_request, "name",
                fmt::format("wanted at most {} bytes of plain text", kLongestName));
  }
  return std::string(text);
}

// A kind becomes part of names and keys.
void check_control(const std::string& control) {
  const bool fits = !control.empty() && control.size() <= 40 &&
                    std::all_of(control.begin(), control.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                    });
  if (fits) return;
  throw Error(
      ErrorKind::bad_request, "dataset.control",
      fmt::format("is `{}`, wanted lower-case letters, digits and _", printable(control, 60)));
}

void refuse_studio_options(const json& options) {
  for (const std::string_view name : kStudioOptions) {
    if (options.contains(name)) {
      throw Error(ErrorKind::bad_request, fmt::format("options.{}", name),
                  "is chosen by the studio; leave it out");
    }
  }
}

std::string model_argument(const ModelEntry& entry) {
  return entry.id == "builtin" ? entry.id : entry.file.string();
}

// "--lr=0.001". The text of a value is that of its JSON.
std::string option_argument(const std::string& name, const json& value) {
  return fmt::format("{}={}", option_flag(name),
                     value.is_string() ? value.get<std::string>() : json_text(value));
}

// One kind, whichever of the two places names it.
std::string control_of(const json& options, const std::string& of_dataset) {
  const std::string of_options = options.value("control", "");
  if (!of_options.empty() && !of_dataset.empty() && of_options != of_dataset) {
    throw Error(ErrorKind::bad_request, "dataset.control",
                fmt::format("is `{}` here and `{}` in the options", of_dataset, of_options));
  }
  if (!of_dataset.empty()) return of_dataset;
  return of_options.empty() ? TrainOptions{}.control : of_options;
}

}  // namespace

TrainRequest read_train_request(const json& body, Store& store, const Catalogue& catalogue,
                                const std::filesystem::path& datasets) {
  const ReadBody<TrainBody> read = read_object<TrainBody>(body);
  TrainRequest request;
  request.name = checked_name(read.name);
  request.options = read.free["options"].is_null() ? json::object() : read.free["options"];
  refuse_studio_options(request.options);
  TrainOptions options;
  options_from_json(options, request.options, "options");
  // Of all that is checked first, what costs nothing.
  const ModelEntry base = catalogue.need(options.model, "base", "options.model");
  std::string init;
  if (!options.init.empty())
    init = model_argument(catalogue.need(options.init, "controlnet", "options.init"));
  PreparedDataset dataset = prepare_dataset(read.free["dataset"], store, datasets);
  request.control = control_of(request.options, dataset.control);
  check_control(request.control);
  request.steps = options.steps;
  request.dataset = std::move(dataset.json);
  request.arguments = {"control", "--data=" + dataset.argument, "--control=" + request.control,
                       "--model=" + model_argument(base)};
  if (!init.empty()) request.arguments.push_back("--init=" + init);
  const json values = options_to_json(options);
  for (const auto& [name, value] : request.options.items()) {
    if (name == "model" || name == "init" || name == "control") continue;
    request.arguments.push_back(option_argument(name, values[name]));
  }
  return request;
}

json train_options_schema() {
  json schema = schema_of<TrainOptions>();
  for (const std::string_view name : kStudioOptions) schema["properties"].erase(std::string(name));
  return schema;
}

}  // namespace zc
