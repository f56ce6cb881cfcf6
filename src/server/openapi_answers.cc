// SPDX-License-Identifier: Apache-2.0
// The schemas of the native API's answers.
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/openapi_tables.h"

namespace zc {
namespace {

// Times are milliseconds since 1970, ids opaque text. "?" behind a type: or null. An object's
// members are all there unless they are in "optional".
constexpr const char* kAnswers = R"json({
"Problem": {"status": "integer", "type": "string", "title": "string", "code": "string", "error": "string", "detail": "string", "field": "string"},
"Session": {"authenticated": "boolean", "tenant": "string", "scopes": ["string"]},
"Settings": "any",
"Token": {"id": "string", "name": "string", "scopes": ["string"], "created": "integer"},
"TokenList": {"tokens": ["Token"]},
"NewToken": {"id": "string", "name": "string", "scopes": ["string"], "created": "integer", "token": "string"},
"Worker": {"name": "string", "device": "string", "job": "string?", "last_seen": "integer"},
"WorkerList": {"workers": ["Worker"]},
"Model": {"id": "string", "title": "string", "kind": "string", "family": "string", "control_kind": "string", "sha10": "string", "bytes": "integer", "ready": "boolean", "problem": "string"},
"ModelList": {"models": ["Model"]},
"ModelCheck": {"ok": "boolean", "sha256": "string", "problems": ["string"]},
"Parameter": {"name": "string", "type": "string", "default": "any", "help": "string", "optional": {"min": "number", "max": "number", "step": "number", "choices": ["string"]}},
"Annotator": {"name": "string", "label": "string", "available": "boolean", "weights_needed": "boolean", "why_not": "string", "parameters": ["Parameter"]},
"ControlKind": {"kind": "string", "label": "string", "available": "boolean", "why_not": "string", "annotators": ["Annotator"]},
"SamplerChoice": {"name": "string", "label": "string"},
"Example": {"id": "string", "title": "string", "thumb": "string", "request": "GenerateRequest"},
"PaletteClass": {"index": "integer", "name": "string", "rgb": ["integer"]},
"Capabilities": {"version": "string", "device": "string", "threads": "integer", "memory_bytes": "integer", "models": ["Model"], "control_kinds": ["ControlKind"], "request_schema": "any", "samplers": ["SamplerChoice"], "limits": "any", "examples": ["Example"], "palettes": {"seg": ["PaletteClass"]}},
"Asset": {"sha": "string", "media_type": "string", "width": "integer", "height": "integer", "bytes": "integer"},
"AssetName": {"asset": "string"},
"Annotated": {"asset": "string", "width": "integer", "height": "integer", "pose": "string?", "seconds": "number", "optional": {"note": "string"}},
"Person": {"pose_keypoints_2d": ["number"], "optional": {"face_keypoints_2d": "any", "hand_left_keypoints_2d": "any", "hand_right_keypoints_2d": "any"}},
"Pose": {"people": ["Person"], "canvas_width": "integer", "canvas_height": "integer"},
"Progress": {"phase": "string", "done": "integer", "total": "integer", "fraction": "number", "eta_seconds": "number?"},
"JobError": {"code": "string", "detail": "string", "field": "string"},
"Rerun": {"of": "string", "identical": "boolean", "psnr": "number?", "optional": {"sha": "string"}},
"Job": {"id": "string", "kind": "string", "state": "string", "position": "integer", "progress": "Progress?", "created": "integer?", "started": "integer?", "finished": "integer?", "request": "any", "error": "JobError?", "images": ["Image"], "warnings": ["string"], "seconds": "any", "seed": "integer?", "precision": "string?", "worker": "string", "attempt": "integer", "preview": "string?", "optional": {"rerun": "Rerun", "tenant": "string", "priority": "integer", "cancel_requested": "boolean"}},
"JobList": {"jobs": ["Job"]},
"JobPlan": {"memory": "any", "fits": "boolean", "warnings": ["string"], "seconds_estimate": "number?"},
"Map": {"kind": "string", "sha": "string"},
"Receipt": {"kind": "string", "optional": {"metric": "string", "value": "number?", "baseline": "number?", "strength": "number?", "residual_rms": ["number"], "acted": "boolean", "obeys": "number"}},
"Image": {"id": "string", "job": "string", "sha": "string", "width": "integer", "height": "integer", "created": "integer", "starred": "boolean", "trashed": "boolean", "seed": "integer", "prompt": "string", "negative": "string", "model": "string", "kinds": ["string"], "index": "integer", "request": "any", "precision": "string?", "maps": ["Map"], "receipts": ["Receipt"], "infotext": "string", "url": "string", "thumb": "string"},
"ImagePage": {"images": ["Image"], "next": "string?", "total": "integer"},
"ReadPicture": {"source": "string", "request": "any", "text": "string", "model": "string", "notes": ["string"]},
"Comparison": {"map": "string", "receipt": "Receipt?"},
"TrainRun": {"id": "string", "name": "string", "state": "string", "step": "integer", "steps": "integer", "loss": "number?", "eta_seconds": "number?", "created": "integer", "message": "string", "control": "string", "can_resume": "boolean"},
"TrainRunList": {"runs": ["TrainRun"]},
"Curves": {"loss": [["number"]], "validation": [["number"]], "optional": {"baseline": [["number"]], "wrong_map": [["number"]], "ceiling": [["number"]], "validation_loss": [["number"]]}},
"Grid": {"step": "integer", "url": "string"},
"TrainEvent": {"step": "integer", "text": "string"},
"TrainRunDetails": {"id": "string", "name": "string", "state": "string", "step": "integer", "steps": "integer", "loss": "number?", "eta_seconds": "number?", "created": "integer", "message": "string", "control": "string", "can_resume": "boolean", "curves": "Curves", "metric": "string", "convergence": {"step": "integer?"}, "grids": ["Grid"], "files": ["string"], "events": ["TrainEvent"], "options": "any", "dataset": "any"},
"PlanRow": {"name": "string", "bytes": "integer", "optional": {"phase": "string"}},
"PlanCheck": {"topic": "string", "text": "string", "warning": "boolean"},
"TrainPlan": {"memory": {"peak": "integer", "rows": ["PlanRow"]}, "peak": "integer", "fits": "boolean", "warnings": ["string"], "checks": ["PlanCheck"], "gradient_checkpointing": "boolean"},
"UsedModel": {"model": "Model"},
"Event": {"id": "integer", "type": "string", "optional": {"resumed": "boolean", "job": "any", "step": "integer", "image": "any", "run": "TrainRun", "queued": "integer", "running": "integer"}}
})json";

bool is_plain_type(const std::string& name) {
  return name == "string" || name == "integer" || name == "number" || name == "boolean";
}

nlohmann::json expanded(const nlohmann::json& shorthand);

nlohmann::json expanded_name(std::string name) {
  using nlohmann::json;
  if (name == "any") return json::object();
  const bool or_null = name.ends_with('?');
  if (or_null) name.pop_back();
  if (is_plain_type(name)) {
    if (!or_null) return {{"type", name}};
    return {{"type", json::array({name, "null"})}};
  }
  const json reference = {{"$ref", "#/components/schemas/" + name}};
  if (!or_null) return reference;
  return {{"anyOf", json::array({reference, json{{"type", "null"}}})}};
}

nlohmann::json expanded(const nlohmann::json& shorthand) {
  using nlohmann::json;
  if (shorthand.is_string()) return expanded_name(shorthand.get<std::string>());
  if (shorthand.is_array()) return {{"type", "array"}, {"items", expanded(shorthand.at(0))}};
  json properties = json::object();
  json required = json::array();
  for (const auto& [name, value] : shorthand.items()) {
    if (name == "optional") continue;
    properties[name] = expanded(value);
    required.push_back(name);
  }
  if (shorthand.contains("optional")) {
    for (const auto& [name, value] : shorthand["optional"].items())
      properties[name] = expanded(value);
  }
  return {{"type", "object"}, {"properties", properties}, {"required", required}};
}

}  // namespace

nlohmann::json schemas_of_answers() {
  nlohmann::json schemas = nlohmann::json::object();
  const nlohmann::json answers = parse_json(kAnswers);  // outlives the loop
  for (const auto& [name, shorthand] : answers.items()) schemas[name] = expanded(shorthand);
  return schemas;
}

}  // namespace zc
