// SPDX-License-Identifier: Apache-2.0
// Control maps while somebody moves a slider: the newest request wins, networks stay loaded.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/options.h"
#include "store/store.h"

namespace zc {

class Catalogue;

struct AnnotateRequest {
  std::string asset;  // sha of the picture
  std::string kind = "canny";
  std::string annotator;          // "": that of the kind
  std::string parameters = "{}";  // JSON object
  int64_t width = 0;              // of the map; 0: that of the picture, as far as rounding goes
  int64_t height = 0;
  int64_t resolution = 0;       // short side at which the picture is looked at; 0: the map's
  std::string resize = "crop";  // as a control unit's: auto, just (stretch), crop, fill
  // A newer request with the same client and slot takes the place of an older one. Slot "": none.
  std::string client;
  std::string slot;
};

struct Annotated {
  std::string asset;  // sha of the map's PNG
  int64_t width = 0;
  int64_t height = 0;
  std::string pose;  // sha of the people as OpenPose JSON; "" for other kinds
  double seconds = 0;
  std::string note;  // for people, as when another network had to do it; or ""
};

// Called once, with the answer or with what went wrong: Error, or ProblemError 409 superseded.
using AnnotateDone = std::function<void(const Annotated& map, std::exception_ptr error)>;

// One annotator for capabilities and the other APIs' lists.
struct AnnotatorEntry {
  std::string name;
  std::string control_kind;
  std::string label;
  bool available = false;
  bool weights_needed = false;
  std::string why_not;  // "needs ControlNetHED.pth in the models' folder"
  std::vector<OptionHelp> parameters;
};

// Thread-safe.
class AnnotateService {
 public:
  virtual ~AnnotateService() = default;

  // Returns at once; `done` runs on a thread of the service, or on that of the newer request.
  // Throws bad_request for a size or sha that is none, unavailable when too much is asked for at
  // once.
  virtual void annotate(AnnotateRequest request, AnnotateDone done) = 0;

  // Draws people as a map: OpenPose JSON, rules "v10" (or "v1"), "v11" or "webui" ("": v11). The
  // sha of a PNG. width and height 0: the canvas. Throws bad_request naming the place in the JSON.
  virtual std::string render_pose(const std::string& pose_json, int64_t width, int64_t height,
                                  const std::string& rules) = 0;

  // As the people of the program list them.
  virtual std::vector<AnnotatorEntry> annotators() const = 0;
};

// The real one; maps become blobs. `threads` at work at a time.
std::unique_ptr<AnnotateService> make_annotate_service(Store& store, const Catalogue& catalogue,
                                                       int threads = 1);

}  // namespace zc
