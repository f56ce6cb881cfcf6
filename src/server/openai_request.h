// SPDX-License-Identifier: Apache-2.0
// Bodies of OpenAI's image API as requests of ours, and its shape of errors.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "image/codec.h"
#include "pipelines/request.h"
#include "server/http.h"
#include "server/problem.h"
#include "server/routes.h"

namespace zc {

struct OpenaiRequest {
  GenerateRequest request;
  ImageFormat format = ImageFormat::png;
  int quality = 100;    // of JPEG and WebP
  bool as_url = false;  // response_format "url": a data: URL
};

// POST /v1/images/generations. Besides the API's own fields: negative_prompt, seed, steps,
// cfg_scale, sampler, controls[] (units of the native API whose images may be base64 too) and
// controlnets[]. Throws bad_request and ProblemError naming the field.
OpenaiRequest read_openai_generation(const nlohmann::json& body, ServerParts& parts);

// POST /v1/images/edits: a form, or JSON whose pictures are base64. Transparent parts of the mask
// (or of the picture, without one) are made anew; without either the whole picture is, as far as
// `strength` says.
OpenaiRequest read_openai_edit(const HttpRequest& http, ServerParts& parts);

// {"error":{"message","type","param","code"}}; what is wrong with a body is 400 here.
HttpResponse openai_problem(const Problem& problem);
HttpResponse openai_problem_of(const std::exception& error);

}  // namespace zc
