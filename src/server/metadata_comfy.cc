// SPDX-License-Identifier: Apache-2.0
// ComfyUI's graphs: from the sampler node along its links to texts, size, model and ControlNets.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/metadata_readers.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr int kLongestPath = 64;  // links from one node to another

// One node of the graph as it was run: its class, and its inputs, which are values or links
// ["node id", output].
struct ComfyNode {
  std::string type;
  json inputs = json::object();
};
using ComfyGraph = std::map<std::string, ComfyNode>;

// Widgets of the nodes that we read, in the order in which a drawn graph keeps their values.
struct ComfyWidgets {
  std::string_view type;
  std::array<std::string_view, 8> names;
};
constexpr std::array kComfyWidgets = {
    ComfyWidgets{
        "KSampler",
        {"seed", "control_after_generate", "steps", "cfg", "sampler_name", "scheduler", "denoise"}},
    ComfyWidgets{"KSamplerAdvanced",
                 {"add_noise", "noise_seed", "control_after_generate", "steps", "cfg",
                  "sampler_name", "scheduler"}},
    ComfyWidgets{"CLIPTextEncode", {"text"}},
    ComfyWidgets{"EmptyLatentImage", {"width", "height", "batch_size"}},
    ComfyWidgets{"EmptySD3LatentImage", {"width", "height", "batch_size"}},
    ComfyWidgets{"CheckpointLoaderSimple", {"ckpt_name"}},
    ComfyWidgets{"ControlNetLoader", {"control_net_name"}},
    ComfyWidgets{"ControlNetApply", {"strength"}},
    ComfyWidgets{"ControlNetApplyAdvanced", {"strength", "start_percent", "end_percent"}},
    ComfyWidgets{"RandomNoise", {"noise_seed"}},
    ComfyWidgets{"KSamplerSelect", {"sampler_name"}},
    ComfyWidgets{"BasicScheduler", {"scheduler", "steps", "denoise"}},
    ComfyWidgets{"CFGGuider", {"cfg"}},
    ComfyWidgets{"PrimitiveNode", {"value"}},
    ComfyWidgets{"PrimitiveString", {"value"}},
    ComfyWidgets{"PrimitiveInt", {"value"}},
};

std::string key_of(const json& id) {
  return id.is_string() ? id.get<std::string>() : json_text(id);
}

ComfyGraph graph_of_prompt(const json& prompt) {
  ComfyGraph graph;
  for (const auto& [id, node] : prompt.items()) {
    if (!node.is_object() || !node.contains("class_type") || !node["class_type"].is_string())
      continue;
    ComfyNode read{.type = node["class_type"].get<std::string>()};
    if (node.contains("inputs") && node["inputs"].is_object()) read.inputs = node["inputs"];
    graph.emplace(id, std::move(read));
  }
  return graph;
}

void put_widgets(const json& values, ComfyNode& node) {
  for (const ComfyWidgets& widgets : kComfyWidgets) {
    if (widgets.type != node.type || !values.is_array()) continue;
    for (size_t i = 0; i < std::min(values.size(), widgets.names.size()); ++i) {
      if (!widgets.names[i].empty()) node.inputs[std::string(widgets.names[i])] = values[i];
    }
  }
}

// Links of a drawn graph: [number, from node, from output, to node, to input, type].
ComfyGraph graph_of_workflow(const json& workflow) {
  ComfyGraph graph;
  const auto list = [&](const char* name) {
    const auto found = workflow.find(name);
    return found != workflow.end() && found->is_array() ? *found : json::array();
  };
  std::map<std::string, json> sources;
  for (const json& link : list("links")) {
    if (link.is_array() && link.size() >= 3)
      sources[key_of(link[0])] = json::array({key_of(link[1]), link[2]});
  }
  for (const json& node : list("nodes")) {
    if (!node.is_object() || !node.contains("id") || !node.contains("type")) continue;
    if (!node["type"].is_string()) continue;
    ComfyNode read{.type = node["type"].get<std::string>()};
    if (node.contains("widgets_values")) put_widgets(node["widgets_values"], read);
    if (node.contains("inputs") && node["inputs"].is_array()) {
      for (const json& input : node["inputs"]) {
        if (!input.is_object() || !input.contains("name") || !input.contains("link")) continue;
        const auto source = sources.find(key_of(input["link"]));
        if (input["name"].is_string() && source != sources.end())
          read.inputs[input["name"].get<std::string>()] = source->second;
      }
    }
    graph.emplace(key_of(node["id"]), std::move(read));
  }
  return graph;
}

class ComfyReader {
 public:
  ComfyReader(const ComfyGraph& graph, PictureMetadata& found) : graph_(graph), found_(found) {}

  bool read() {
    const ComfyNode* sampler = find_sampler();
    if (sampler == nullptr) return false;
    if (sampler->type.starts_with("SamplerCustom")) {
      read_custom_sampler(*sampler);
    } else {
      for (const auto& [name, field] : std::array<std::pair<const char*, const char*>, 4>{
               {{"seed", "seed"}, {"noise_seed", "seed"}, {"steps", "steps"}, {"cfg", "cfg"}}}) {
        put(field, value_of(*sampler, name));
      }
      put_sampler(value_of(*sampler, "sampler_name"), value_of(*sampler, "scheduler"));
      read_conditions(linked(*sampler, "positive"), linked(*sampler, "negative"));
      read_start(*sampler, value_of(*sampler, "denoise"));
    }
    read_model(*sampler);
    return true;
  }

 private:
  const ComfyNode* node(const std::string& id) const {
    const auto found = graph_.find(id);
    return found == graph_.end() ? nullptr : &found->second;
  }
  // What an input is linked with.
  const ComfyNode* linked(const ComfyNode& from, const char* input) const {
    const auto found = from.inputs.find(input);
    if (found == from.inputs.end() || !found->is_array() || found->empty()) return nullptr;
    return node(key_of((*found)[0]));
  }
  // The value of an input, through nodes that only hold one.
  json value_of(const ComfyNode& from, const char* input) const {
    const ComfyNode* at = &from;
    std::string name = input;
    for (int step = 0; step < kLongestPath && at != nullptr; ++step) {
      const auto found = at->inputs.find(name);
      if (found == at->inputs.end()) return nullptr;
      if (!found->is_array()) return *found;
      at = linked(*at, name.c_str());
      if (at == nullptr) return nullptr;
      for (const char* likely : {"value", "text", "string", "int", "seed", "number"}) {
        if (!at->inputs.contains(likely)) continue;
        name = likely;
        break;
      }
    }
    return nullptr;
  }

  // The first node along these inputs that fits, nearest first.
  template <class Fits>
  const ComfyNode* find_upstream(const ComfyNode* from, const std::set<std::string>& along,
                                 Fits&& fits) const {
    std::vector<const ComfyNode*> open = {from};
    std::set<const ComfyNode*> seen;
    for (size_t i = 0; i < open.size(); ++i) {
      const ComfyNode* at = open[i];
      if (at == nullptr || !seen.insert(at).second) continue;
      if (fits(*at)) return at;
      for (const auto& [name, value] : at->inputs.items()) {
        if (value.is_array() && (along.empty() || along.contains(name)))
          open.push_back(linked(*at, name.c_str()));
      }
    }
    return nullptr;
  }

  static bool is_latent_size(const ComfyNode& n) {
    return n.type.starts_with("Empty") && n.inputs.contains("width") && n.inputs.contains("height");
  }

  // That which begins with an empty picture: a second pass enlarges what the first one made.
  const ComfyNode* find_sampler() const {
    const ComfyNode* any = nullptr;
    for (const auto& [id, n] : graph_) {
      const bool samples = n.type.starts_with("KSampler") || n.type.starts_with("SamplerCustom");
      if (!samples || n.type == "KSamplerSelect") continue;
      const ComfyNode* latent = linked(n, "latent_image");
      if (latent != nullptr && is_latent_size(*latent)) return &n;
      if (any == nullptr) any = &n;
    }
    return any;
  }

  void read_custom_sampler(const ComfyNode& sampler) {
    put("seed", value_of(sampler, "noise_seed"));
    put("cfg", value_of(sampler, "cfg"));
    if (const ComfyNode* noise = linked(sampler, "noise"))
      put("seed", value_of(*noise, "noise_seed"));
    const ComfyNode* sigmas = linked(sampler, "sigmas");
    const ComfyNode* select = linked(sampler, "sampler");
    json denoise;
    if (sigmas != nullptr) {
      put("steps", value_of(*sigmas, "steps"));
      denoise = value_of(*sigmas, "denoise");
    }
    put_sampler(select != nullptr ? value_of(*select, "sampler_name") : json(),
                sigmas != nullptr ? value_of(*sigmas, "scheduler") : json());
    const ComfyNode* guider = linked(sampler, "guider");
    if (guider == nullptr) {
      read_conditions(linked(sampler, "positive"), linked(sampler, "negative"));
    } else {
      put("cfg", value_of(*guider, "cfg"));
      const ComfyNode* positive = linked(*guider, "positive");
      read_conditions(positive != nullptr ? positive : linked(*guider, "conditioning"),
                      linked(*guider, "negative"));
    }
    read_start(sampler, denoise);
  }

  static bool is_text(const ComfyNode& n) { return n.type.find("TextEncode") != std::string::npos; }
  // The wording of a condition, whatever was applied to it on its way.
  std::string text_of(const ComfyNode* condition) const {
    const ComfyNode* encoder = find_upstream(condition, {}, is_text);
    if (encoder == nullptr) return "";
    for (const char* name : {"text", "text_g", "prompt", "t5xxl", "text_l"}) {
      const json value = value_of(*encoder, name);
      if (value.is_string() && !value.get_ref<const std::string&>().empty())
        return value.get<std::string>();
    }
    return "";
  }

  void read_conditions(const ComfyNode* positive, const ComfyNode* negative) {
    put("prompt", text_of_side(positive, "positive"));
    put("negative", text_of_side(negative, "negative"));
    std::set<const ComfyNode*> seen;
    const ComfyNode* at = positive;
    for (int step = 0; step < kLongestPath && at != nullptr && seen.insert(at).second; ++step) {
      if (at->type.starts_with("ControlNetApply")) add_control(*at);
      const ComfyNode* next = linked(*at, "positive");
      at = next != nullptr ? next : linked(*at, "conditioning");
    }
  }

  // Nodes that pass both sides on have an input for each.
  std::string text_of_side(const ComfyNode* condition, const char* side) const {
    std::set<const ComfyNode*> seen;
    while (condition != nullptr && seen.insert(condition).second) {
      const ComfyNode* next = linked(*condition, side);
      if (next == nullptr) break;
      condition = next;
    }
    return text_of(condition);
  }

  void add_control(const ComfyNode& apply) {
    json unit = json::object();
    for (const auto& [input, field] : std::array<std::pair<const char*, const char*>, 3>{
             {{"strength", "weight"}, {"start_percent", "start"}, {"end_percent", "end"}}}) {
      const json value = value_of(apply, input);
      if (value.is_number()) unit[field] = value;
    }
    const ComfyNode* loader = find_upstream(&apply, {"control_net"}, [](const ComfyNode& n) {
      return n.inputs.contains("control_net_name");
    });
    const json name = loader != nullptr ? value_of(*loader, "control_net_name") : json();
    add_metadata_control(found_, name.is_string() ? name.get<std::string>() : "", unit);
  }

  void read_start(const ComfyNode& sampler, const json& denoise) {
    const ComfyNode* latent = linked(sampler, "latent_image");
    if (latent != nullptr && is_latent_size(*latent)) {
      put("width", value_of(*latent, "width"));
      put("height", value_of(*latent, "height"));
      put("batch", value_of(*latent, "batch_size"));
      return;
    }
    put("denoise", denoise);
    const ComfyNode* size = find_upstream(latent, {}, is_latent_size);
    if (size == nullptr) return;
    put("width", value_of(*size, "width"));
    put("height", value_of(*size, "height"));
  }

  void read_model(const ComfyNode& sampler) {
    const ComfyNode* loader = find_upstream(&sampler, {"model", "guider"}, [](const ComfyNode& n) {
      return n.inputs.contains("ckpt_name") || n.inputs.contains("unet_name");
    });
    if (loader == nullptr) return;
    for (const char* name : {"ckpt_name", "unet_name"}) {
      const json value = value_of(*loader, name);
      if (value.is_string()) found_.model = value.get<std::string>();
    }
  }

  void put(const char* field, const json& value) {
    if (!value.is_null()) set_metadata_field(found_, field, value);
  }
  void put_sampler(const json& sampler, const json& curve) {
    set_metadata_sampler(found_, sampler.is_string() ? sampler.get<std::string>() : "",
                         curve.is_string() ? curve.get<std::string>() : "");
  }

  const ComfyGraph& graph_;
  PictureMetadata& found_;
};

}  // namespace

bool read_comfy_metadata(const std::string& prompt, const std::string& workflow,
                         PictureMetadata& found) {
  for (const bool run : {true, false}) {
    const auto object = metadata_object(run ? prompt : workflow);
    if (!object) continue;
    const ComfyGraph graph = run ? graph_of_prompt(*object) : graph_of_workflow(*object);
    PictureMetadata read;
    if (!ComfyReader(graph, read).read()) continue;
    read.source = "comfyui";
    read.text = run ? prompt : workflow;
    take_foreign_defaults(read);
    found = std::move(read);
    return true;
  }
  return false;
}

}  // namespace zc
