// SPDX-License-Identifier: Apache-2.0
// Errors as the clients of AUTOMATIC1111's web UI know them.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "server/http.h"
#include "server/problem.h"

namespace zc {

// What the web UI throws itself: {"error":"HTTPException","detail":TEXT,"body":"","errors":TEXT}.
// `name`: that of the Python exception.
ProblemError webui_error(int status, const std::string& detail,
                         std::string_view name = "HTTPException");

// A field that does not fit, as FastAPI says it: 422
// {"detail":[{"loc":["body","args",0,"weight"],"msg":TEXT,"type":"value_error"}]}.
ProblemError webui_invalid(const std::string& field, const std::string& text);

// The body of any problem in one of these two shapes; what no route answers becomes
// {"detail":"Not Found"}. For Router::format_problems.
HttpResponse webui_problem(const Problem& problem);

// The same for what was thrown, with its headers, for answers that come later.
HttpResponse webui_problem_of(const std::exception& error);

// A field of a native request as this API calls it: "cfg" -> "cfg_scale",
// "controls[1].weight" -> "alwayson_scripts.controlnet.args[1].weight".
std::string webui_field_name(std::string_view native);

}  // namespace zc
