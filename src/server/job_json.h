// SPDX-License-Identifier: Apache-2.0
// Jobs and pictures as the API and the events show them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "store/store.h"

namespace zc {

// {"id","kind","state","position","progress":{"phase","done","total","fraction","eta_seconds"}|null,
// "created","started","finished","request","error":{"code","detail","field"}|null,"images":[Image],
// "warnings":[],"seconds":{},"seed","worker","attempt","preview":url|null}, and "rerun" where the
// job is one. Reads the queue's position and the job's pictures from the store.
nlohmann::json job_json(Store& store, const Job& job);

// {"id","job","sha","width","height","created","starred","trashed","seed","prompt","negative",
// "model","kinds":[],"index","request","maps":[{"kind","sha"}],"receipts":[...],"infotext","url",
// "thumb"}
nlohmann::json image_json(const StoredImage& image);

}  // namespace zc
