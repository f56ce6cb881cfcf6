// SPDX-License-Identifier: Apache-2.0
// The native API as functions. This folder is the only one that talks to the network.
import type {
  AnnotateRequest, AnnotateResult, AssetInfo, Capabilities, CompareResult, GenerateRequest, ImageFilter, ImagePage, Job, JobPlan, JobState, ModelEntry,
  JsonSchema, NewTrainRun, OpenPoseJson, ReadResult, Sha, StudioImage, TrainPlan, TrainRun, TrainRunDetails, VerifyResult, WorkerInfo,
} from "./types.ts";
import { tidy_image, tidy_job } from "./tidy.ts";

// What the server says about a fault, or what hindered us from asking it (status 0).
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly field: string = "",
  ) {
    super(detail);
    this.name = "ApiError";
  }
}

export function is_abort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

const kBase = "/api/v1";

// Called when the server wants a token; the app shows its login.
let on_unauthorized: () => void = () => {};
export function set_unauthorized_handler(handler: () => void): void {
  on_unauthorized = handler;
}

async function problem_of(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as { code?: string; detail?: unknown; title?: string; field?: string };
    const detail = typeof body.detail === "string" ? body.detail : (body.title ?? response.statusText);
    return new ApiError(response.status, body.code ?? "", detail, body.field ?? "");
  } catch {
    return new ApiError(response.status, "", text.slice(0, 200) || response.statusText || `HTTP ${response.status}`);
  }
}

// Ends with the answer to the login that is under way. A screen that is opened by a link with a token would be refused before it.
let entering: Promise<unknown> = Promise.resolve();

async function send(method: string, path: string, options: { json?: unknown; body?: BodyInit; type?: string; headers?: Record<string, string>; signal?: AbortSignal | undefined } = {}): Promise<Response> {
  const headers: Record<string, string> = { ...options.headers };
  let body = options.body;
  if (options.json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(options.json);
  } else if (options.type) {
    headers["Content-Type"] = options.type;
  }
  let response: Response;
  try {
    await entering;
    response = await fetch(kBase + path, { method, headers, body: body ?? null, signal: options.signal ?? null, credentials: "same-origin" });
  } catch (error) {
    if (is_abort(error)) throw error;
    throw new ApiError(0, "offline", "");
  }
  if (response.ok) return response;
  const problem = await problem_of(response);
  if (response.status === 401) on_unauthorized();
  throw problem;
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send("GET", path, { signal })).json() as Promise<T>;
}

async function post<T>(path: string, json: unknown = {}, options: { headers?: Record<string, string>; signal?: AbortSignal | undefined } = {}): Promise<T> {
  const response = await send("POST", path, { json, ...options });
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

function query_of(values: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

function item(kind: string, id: string): string {
  return `/${kind}/${encodeURIComponent(id)}`;
}

// Address of an asset's bytes; with a width, of a small picture of it.
export function asset_url(sha: Sha, width?: number): string {
  return `${kBase}${item("assets", sha)}${width ? `?w=${width}` : ""}`;
}

export const api = {
  // Session
  session: () => get<{ authenticated: boolean }>("/session"),
  login(token: string): Promise<void> {
    const answer = post<void>("/session", { token });
    entering = answer.catch(() => undefined);
    return answer;
  },

  capabilities: (signal?: AbortSignal) => get<Capabilities>("/capabilities", signal),

  // Assets and maps
  async put_asset(body: Blob | Uint8Array<ArrayBuffer>, media_type = body instanceof Blob ? body.type : "image/png", signal?: AbortSignal): Promise<AssetInfo> {
    const response = await send("PUT", "/assets", { body, type: media_type || "application/octet-stream", signal });
    return response.json() as Promise<AssetInfo>;
  },
  async asset_bytes(sha: Sha, signal?: AbortSignal): Promise<Uint8Array> {
    return new Uint8Array(await (await send("GET", item("assets", sha), { signal })).arrayBuffer());
  },
  asset_pose: (sha: Sha, signal?: AbortSignal) => get<OpenPoseJson>(item("assets", sha), signal),
  annotate: (request: AnnotateRequest, signal?: AbortSignal) => post<AnnotateResult>("/annotate", request, { signal }),
  render_pose: (pose: OpenPoseJson, width: number, height: number, rules: "v1" | "v11" = "v11", signal?: AbortSignal) =>
    post<{ asset: Sha }>("/pose/render", { pose, width, height, rules }, { signal }),

  // Jobs. The same idempotency key gives the same job, so a request whose answer was lost can be sent again.
  async submit(request: GenerateRequest, options: { priority?: number; key?: string } = {}): Promise<Job> {
    const headers: Record<string, string> = options.key ? { "Idempotency-Key": options.key } : {};
    return tidy_job(await post<Job>("/jobs", { kind: "generate", request, priority: options.priority ?? 0 }, { headers }));
  },
  async jobs(filter: { state?: JobState; limit?: number; before?: string } = {}): Promise<{ jobs: Job[] }> {
    return { jobs: (await get<{ jobs: Job[] }>(`/jobs${query_of({ ...filter })}`)).jobs.map(tidy_job) };
  },
  job: async (id: string) => tidy_job(await get<Job>(item("jobs", id))),
  async cancel_job(id: string): Promise<Job> {
    return tidy_job((await (await send("DELETE", item("jobs", id))).json()) as Job);
  },
  plan: (request: GenerateRequest, signal?: AbortSignal) => post<JobPlan>("/jobs/plan", { request }, { signal }),
  preview_url: (job: string) => `${kBase}${item("jobs", job)}/preview`,

  // Images
  async images(filter: ImageFilter = {}, signal?: AbortSignal): Promise<ImagePage> {
    const { from_ms, to_ms, ...others } = filter;
    const page = await get<ImagePage>(`/images${query_of({ ...others, from: from_ms, to: to_ms })}`, signal);
    return { ...page, images: page.images.map(tidy_image) };
  },
  image: async (id: string) => tidy_image(await get<StudioImage>(item("images", id))),
  async remove_image(id: string, forever = false): Promise<void> {
    await send("DELETE", `${item("images", id)}${forever ? "?forever=1" : ""}`);
  },
  restore_image: (id: string) => post<StudioImage | undefined>(`${item("images", id)}/restore`),
  star_image: (id: string, starred: boolean) => post<StudioImage | undefined>(`${item("images", id)}/star`, { starred }),
  rerun_image: async (id: string) => tidy_job(await post<Job>(`${item("images", id)}/rerun`)),
  async zip_images(ids: string[]): Promise<Blob> {
    return (await send("POST", "/images/zip", { json: { ids } })).blob();
  },
  read_image: (asset: Sha) => post<ReadResult>("/images/read", { asset }),
  compare_image: (id: string, kind: string, signal?: AbortSignal) => get<CompareResult>(`${item("images", id)}/compare${query_of({ kind })}`, signal),

  // Models
  models: () => get<{ models: ModelEntry[] }>("/models"),
  refresh_models: () => post<void>("/models/refresh"),
  verify_model: (id: string) => post<VerifyResult>(`${item("models", id)}/verify`),

  // Training
  runs: () => get<{ runs: TrainRun[] }>("/train/runs"),
  new_run: (run: NewTrainRun) => post<TrainRun>("/train/runs", run),
  run: (id: string, signal?: AbortSignal) => get<TrainRunDetails>(item("train/runs", id), signal),
  plan_run: (run: NewTrainRun, signal?: AbortSignal) => post<TrainPlan>("/train/runs/plan", run, { signal }),
  stop_run: (id: string) => post<TrainRun | undefined>(`${item("train/runs", id)}/stop`),
  resume_run: (id: string, steps = 0) => post<TrainRun | undefined>(`${item("train/runs", id)}/resume`, steps > 0 ? { steps } : {}),
  use_run: (id: string) => post<{ model: ModelEntry }>(`${item("train/runs", id)}/use`),
  async remove_run(id: string): Promise<void> {
    await send("DELETE", item("train/runs", id));
  },
  run_file_url: (id: string, name: string) => `${kBase}${item("train/runs", id)}/files/${encodeURIComponent(name)}`,

  // Server
  settings: () => get<Record<string, unknown>>("/settings"),
  async put_settings(values: Record<string, unknown>): Promise<void> {
    await send("PUT", "/settings", { json: values });
  },
  workers: () => get<{ workers: WorkerInfo[] }>("/workers"),
  // The description of the whole API; null where the server has none.
  async openapi(): Promise<JsonSchema | null> {
    const response = await fetch("/openapi.json").catch(() => null);
    return response?.ok ? (response.json() as Promise<JsonSchema>) : null;
  },
};
