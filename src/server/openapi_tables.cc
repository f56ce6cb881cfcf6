// SPDX-License-Identifier: Apache-2.0
// The table of routes' bodies, and the schemas of request bodies from their option lists.
#include "server/openapi_tables.h"

#include <nlohmann/json.hpp>

#include "server/capabilities.h"
#include "server/native_request.h"
#include "server/train_dataset.h"
#include "server/train_request.h"

namespace zc {

std::span<const RouteDoc> route_docs() {
  static const std::vector<RouteDoc> docs = {
      {"POST", "/api/v1/session", "SessionBody", 204, "", {}, {401, 429},
       "The cookie is HttpOnly and SameSite; browsers send it with every request from then on."},
      {"GET", "/api/v1/session", "", 200, "Session"},
      {"DELETE", "/api/v1/session", "", 204, ""},
      {"GET", "/api/v1/capabilities", "", 200, "Capabilities"},
      {"GET", "/api/v1/settings", "", 200, "Settings"},
      {"PUT", "/api/v1/settings", "Settings", 200, "Settings", {}, {422}},
      {"GET", "/api/v1/tokens", "", 200, "TokenList"},
      {"POST", "/api/v1/tokens", "TokenBody", 201, "NewToken", {}, {422},
       "The token is told here and never again."},
      {"DELETE", "/api/v1/tokens/{id}", "", 204, "", {}, {404}},
      {"GET", "/api/v1/workers", "", 200, "WorkerList"},
      {"PUT", "/api/v1/assets", "bytes", 201, "Asset", {}, {413, 422, 507},
       "The body is the file itself (PNG, JPEG, WebP, people as OpenPose JSON, or a zip archive of "
       "training pairs), or a form with the field `file`. The same bytes always have the same sha. "
       "What nothing uses is removed after a day."},
      {"GET", "/api/v1/assets/{sha}", "", 200, "image/*",
       {{"w", "integer", "16 to 2048: a picture of at most that width instead"}}, {304, 404},
       "People come as application/json."},
      {"POST", "/api/v1/annotate", "AnnotateBody", 200, "Annotated", {}, {404, 409, 422, 503},
       "Answers when the map is done. `asset` of the answer is the map; `pose` the people on it."},
      {"POST", "/api/v1/pose/render", "PoseRenderBody", 200, "AssetName", {}, {422}},
      {"POST", "/api/v1/jobs", "JobBody", 202, "Job", {}, {422, 429, 507},
       "With the header Idempotency-Key the same key gives the same job, so that a request whose "
       "answer was lost can be sent again."},
      {"POST", "/api/v1/jobs/plan", "PlanBody", 200, "JobPlan", {}, {422}},
      {"GET", "/api/v1/jobs", "", 200, "JobList",
       {{"state", "string", "queued, running, done, failed, cancelled or dead"},
        {"kind", "string", "generate or rerun"},
        {"before", "string", "id of the last job of the page before"},
        {"limit", "integer", "1 to 1000 (100)"}},
       {422}},
      {"GET", "/api/v1/jobs/{id}", "", 200, "Job", {}, {404}},
      {"DELETE", "/api/v1/jobs/{id}", "", 200, "Job", {}, {404},
       "A queued job is cancelled at once, one at work at its next step; what it has finished "
       "stays."},
      {"GET", "/api/v1/jobs/{id}/preview", "", 200, "image/*", {}, {404}},
      {"GET", "/api/v1/images", "", 200, "ImagePage",
       {{"q", "string", "words of the prompt"},
        {"kind", "string", "kind of control"},
        {"model", "string", "id of the base model"},
        {"starred", "boolean", "only favourites, or only others"},
        {"trashed", "boolean", "what was thrown away (false)"},
        {"from", "integer", "made at that time or later"},
        {"to", "integer", "made at that time or before"},
        {"cursor", "string", "`next` of the page before"},
        {"limit", "integer", "1 to 1000 (50)"}},
       {422}},
      {"GET", "/api/v1/images/{id}", "", 200, "Image", {}, {404}},
      {"DELETE", "/api/v1/images/{id}", "", 204, "",
       {{"forever", "boolean", "not into the trash (false)"}}, {404}},
      {"POST", "/api/v1/images/{id}/restore", "EmptyBody", 200, "Image", {}, {404}},
      {"POST", "/api/v1/images/{id}/star", "StarBody", 200, "Image", {}, {404}},
      {"POST", "/api/v1/images/{id}/rerun", "EmptyBody", 202, "Job", {}, {404, 429},
       "The finished job says in `rerun` whether the pixels are the same."},
      {"POST", "/api/v1/images/zip", "ZipBody", 200, "application/zip", {}, {422}},
      {"POST", "/api/v1/images/read", "AssetBody", 200, "ReadPicture", {}, {422},
       "Understands zeroconv, AUTOMATIC1111, ComfyUI, Fooocus and InvokeAI. `request` holds what "
       "can be used here."},
      {"GET", "/api/v1/images/{id}/compare", "", 200, "Comparison",
       {{"kind", "string", "kind of control (canny)"}}, {404, 409, 422}},
      {"GET", "/api/v1/models", "", 200, "ModelList"},
      {"POST", "/api/v1/models/refresh", "EmptyBody", 200, "ModelList"},
      {"POST", "/api/v1/models/{id}/verify", "EmptyBody", 200, "ModelCheck", {}, {404}},
      {"GET", "/api/v1/train/runs", "", 200, "TrainRunList"},
      {"POST", "/api/v1/train/runs", "TrainBody", 201, "TrainRun", {}, {409, 413, 422, 507},
       "A process of its own, which outlives the server."},
      {"POST", "/api/v1/train/runs/plan", "TrainBody", 200, "TrainPlan", {}, {413, 422, 503},
       "By `zeroconv train control --dry-run`, within seconds."},
      {"GET", "/api/v1/train/runs/{id}", "", 200, "TrainRunDetails", {}, {404}},
      {"DELETE", "/api/v1/train/runs/{id}", "", 204, "", {}, {404, 409}},
      {"POST", "/api/v1/train/runs/{id}/stop", "EmptyBody", 200, "TrainRun", {}, {404, 409}},
      {"POST", "/api/v1/train/runs/{id}/resume", "ResumeBody", 200, "TrainRun", {}, {404, 409}},
      {"POST", "/api/v1/train/runs/{id}/use", "EmptyBody", 200, "UsedModel", {}, {404, 409}},
      {"GET", "/api/v1/train/runs/{id}/files/{name}", "", 200, "application/octet-stream", {},
       {404}, "report.html (text/html) or a sample picture, step-00000500.png."},
      {"GET", "/api/v1/events", "", 200, "text/event-stream",
       {{"last_event_id", "integer", "go on behind this one; also as the header Last-Event-ID"}},
       {},
       "Each event is a JSON object of the schema Event, as server-sent event or as a text message "
       "of a WebSocket. Over a WebSocket a binary message follows each preview: u32 big-endian 1, "
       "u32 big-endian 1 (JPEG) or 2 (PNG), and the picture."},
  };
  return docs;
}

nlohmann::json schemas_of_requests() {
  return {{"SessionBody", schema_of_body<SessionBody>()},
          {"AnnotateBody", schema_of_body<AnnotateBody>()},
          {"PoseRenderBody", schema_of_body<PoseRenderBody>()},
          {"JobBody", schema_of_body<JobBody>()},
          {"PlanBody", schema_of_body<PlanBody>()},
          {"StarBody", schema_of_body<StarBody>()},
          {"ZipBody", schema_of_body<ZipBody>()},
          {"AssetBody", schema_of_body<AssetBody>()},
          {"TokenBody", schema_of_body<TokenBody>()},
          {"ResumeBody", schema_of_body<ResumeBody>()},
          {"EmptyBody", schema_of_body<EmptyBody>()},
          {"TrainBody", schema_of_body<TrainBody>()},
          {"Dataset", schema_of_body<DatasetBody>()},
          {"TrainOptions", train_options_schema()},
          {"GenerateRequest", generate_request_schema()}};
}

}  // namespace zc
