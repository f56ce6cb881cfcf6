// SPDX-License-Identifier: Apache-2.0
// Pictures like another one: the same request with a little of another seed's noise, where the server can do that; else the next seeds.
import { api } from "../api/client.ts";
import type { StudioImage } from "../api/types.ts";
import { toast } from "../design/toast.tsx";
import { t } from "../i18n/index.ts";
import { capabilities } from "./capabilities.ts";
import { error_text } from "./errors.ts";
import { put_job } from "./jobs.ts";
import { random_seed } from "./recipe.ts";
import { varied } from "./request.ts";
import { has_field } from "./schema_fields.ts";
import { myJobs } from "./submit.ts";

export async function vary(image: StudioImage): Promise<void> {
  const schema = capabilities.value?.request_schema;
  const can_vary = has_field(schema, "variation_seed") && has_field(schema, "variation_strength");
  try {
    const job = await api.submit(varied(image.request, image, can_vary, random_seed()));
    put_job(job);
    myJobs.value = [...myJobs.value, job.id];
    toast({ title: t("create.vary_started") });
  } catch (error) {
    toast({ kind: "error", title: t("create.not_started"), detail: error_text(error) });
  }
}
