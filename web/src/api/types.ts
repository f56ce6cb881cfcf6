// SPDX-License-Identifier: Apache-2.0
// The shapes of the native API. Times are milliseconds since 1970, ids are opaque text, images are named by the SHA-256 of their bytes.

export type Sha = string;

// ---- OpenPose JSON, as OpenPose itself and other tools write it -----------------------------------------------------
// Each list holds x, y, confidence in turns: 18 points of the body, 21 of a hand, 70 of a face. Confidence 0: absent.
export interface OpenPosePerson {
  pose_keypoints_2d: number[];
  face_keypoints_2d?: number[] | null;
  hand_left_keypoints_2d?: number[] | null;
  hand_right_keypoints_2d?: number[] | null;
}
export interface OpenPoseJson {
  people: OpenPosePerson[];
  canvas_width: number;
  canvas_height: number;
}

// ---- Capabilities --------------------------------------------------------------------------------------------------
export type ModelKind = "base" | "controlnet" | "annotator" | "lora";

export interface ModelEntry {
  id: string;
  title: string;
  kind: ModelKind;
  file: string;
  family: string; // "sd1", "sd2", "sdxl", "tiny", ...; "" where unknown
  control_kind: string; // of a ControlNet: "canny"; else ""
  sha10: string;
  bytes: number;
  ready?: boolean;
  problem?: string;
}

export type ParameterValue = number | string | boolean;

export interface ParameterInfo {
  name: string;
  label?: string;
  type: "int" | "float" | "bool" | "choice";
  default: ParameterValue;
  min?: number;
  max?: number;
  step?: number;
  choices?: string[];
  help: string;
}

export interface AnnotatorInfo {
  name: string;
  label: string;
  available: boolean;
  weights_needed: boolean;
  weights?: string; // file in which the network was published, where one is needed
  parameters: ParameterInfo[];
}

export interface ControlKindInfo {
  kind: string;
  label: string;
  available: boolean;
  why_not: string;
  annotators: AnnotatorInfo[];
}

export interface PaletteClass {
  index: number;
  name: string;
  rgb: [number, number, number];
}

export interface Example {
  id: string;
  title: string;
  thumb: string; // address of a picture
  request: GenerateRequest;
}

export interface Limits {
  max_layers: number;
  max_side: number;
  max_batch: number;
  max_steps: number;
  [name: string]: number;
}

export interface Capabilities {
  version: string;
  device: string; // "cpu", "cuda:0 NVIDIA H100", ...
  threads: number;
  memory_bytes: number;
  models: ModelEntry[];
  control_kinds: ControlKindInfo[];
  request_schema: JsonSchema;
  samplers: { name: string; label: string }[];
  limits: Limits;
  examples: Example[];
  palettes: Record<string, PaletteClass[]>;
  train_schema?: JsonSchema; // options of a training
}

export interface JsonSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  [name: string]: unknown;
}

// ---- Requests ------------------------------------------------------------------------------------------------------
export type ControlMode = "balanced" | "prompt" | "control";
export type ResizeMode = "just" | "crop" | "fill";

// One condition as the server takes it; images are "asset:SHA".
export interface ControlUnit {
  kind: string;
  image: string;
  map?: boolean;
  weight?: number;
  start?: number;
  end?: number;
  mode?: ControlMode;
  only_mid?: boolean;
  parameters?: string[]; // "low=100"
  // Only where the server's schema lists them:
  annotator?: string;
  mask?: string;
  resize?: ResizeMode;
  block_weights?: number[];
}

export interface GenerateRequest {
  prompt?: string;
  negative?: string;
  a_prompt?: string | null;
  n_prompt?: string | null;
  controls?: ControlUnit[];
  model?: string;
  controlnets?: string[]; // "canny=ID"
  steps?: number;
  cfg?: number | null;
  seed?: number;
  width?: number;
  height?: number;
  batch?: number;
  sampler?: string;
  eta?: number;
  guess?: boolean;
  init?: string;
  denoise?: number;
  mask?: string;
  mask_blur?: number;
  profile?: string;
  noise?: string;
  prediction?: string;
  exact?: boolean;
  fast?: boolean;
  [name: string]: unknown;
}

// ---- Jobs and images -----------------------------------------------------------------------------------------------
export type JobState = "queued" | "running" | "done" | "failed" | "cancelled" | "dead";

export interface JobProgress {
  phase: string;
  done: number;
  total: number;
  fraction: number; // 0..1 of the whole job
  eta_seconds: number | null;
}

export interface ApiErrorBody {
  code: string;
  detail: string;
  field?: string;
}

export interface Job {
  id: string;
  kind: string;
  state: JobState;
  position: number; // 0: is next or runs; -1: not in the queue
  progress: JobProgress | null;
  created: number;
  started: number | null;
  finished: number | null;
  request: GenerateRequest;
  error: ApiErrorBody | null;
  images: StudioImage[];
  warnings: string[];
  seconds: Record<string, number>;
  seed: number | null;
  worker: string;
  attempt: number;
  preview: string | null;
  priority?: number;
  tenant?: string;
  cancel_requested?: boolean;
  rerun?: { of: string; identical: boolean; psnr: number | null };
}

export interface Receipt {
  kind: string;
  metric: string; // "edge F1", "depth RMSE", ...; or why it was not measured
  value: number | null; // null: not measured
  baseline: number | null; // the same measure where chance alone is at work
  strength?: number;
  [name: string]: unknown;
}

// "Image" is a name of the browser, so the API's Image is StudioImage here.
export interface StudioImage {
  id: string;
  job: string;
  sha: Sha;
  width: number;
  height: number;
  created: number;
  starred: boolean;
  trashed: boolean;
  seed: number;
  prompt: string;
  negative: string;
  model: string;
  kinds: string[];
  index: number;
  request: GenerateRequest; // resolved: run again, it gives the same picture
  maps: { kind: string; sha: Sha }[];
  receipts: Receipt[];
  infotext: string;
  url: string;
  thumb: string;
}

export interface ImagePage {
  images: StudioImage[];
  next: string | null;
  total: number;
}

export interface ImageFilter {
  q?: string;
  kind?: string;
  model?: string;
  starred?: boolean;
  trashed?: boolean;
  from_ms?: number; // created then or later
  to_ms?: number;
  cursor?: string;
  limit?: number;
}

export interface AssetInfo {
  sha: Sha;
  media_type: string;
  width: number;
  height: number;
  bytes: number;
}

export interface AnnotateRequest {
  asset: Sha;
  kind: string;
  annotator: string;
  parameters: Record<string, ParameterValue>;
  width: number;
  height: number;
  resize: ResizeMode;
  slot?: string; // a newer request with the same slot ends the older one
}
export interface AnnotateResult {
  asset: Sha;
  width: number;
  height: number;
  pose: Sha | null;
  seconds: number;
}

// Memory in bytes by name; "total" or "peak" is what is compared with "available".
export interface MemoryPlan {
  [name: string]: unknown;
}
export interface JobPlan {
  memory: MemoryPlan;
  fits: boolean;
  warnings: string[];
  seconds_estimate: number | null;
}

// What another tool wrote into a picture.
export interface ReadResult {
  source: "zeroconv" | "a1111" | "comfyui" | "fooocus" | "invokeai" | "none";
  request: GenerateRequest;
  text: string;
}

export interface CompareResult {
  map: Sha;
  receipt: Receipt;
}

// ---- Training ------------------------------------------------------------------------------------------------------
export type RunState = "running" | "stopped" | "finished" | "failed";

export interface TrainRun {
  id: string;
  name: string;
  state: RunState;
  step: number;
  steps: number;
  loss: number | null;
  eta_seconds: number | null;
  created: number;
  message: string;
  control?: string; // kind of its maps
  can_resume?: boolean;
}
export type Curve = [step: number, value: number][];
export interface TrainRunDetails extends TrainRun {
  curves: Record<string, Curve>; // "loss", "validation", and whatever else was measured
  metric?: string; // what "validation" measures: "edge F1 (2 px)", ...; "": a loss
  convergence: { step: number | null };
  grids: { step: number; url: string }[];
  files?: string[];
  events?: { step: number; text: string }[]; // what the trainer said
  options?: Record<string, unknown>;
  dataset?: Record<string, unknown>;
}
export interface TrainPair {
  target: string; // the picture, asset:SHA
  map?: string; // unset: made by the annotator of the kind
  text: string;
}
export interface TrainDataset {
  type: "circles" | "toyworld" | "upload";
  count?: number;
  seed?: number;
  control?: string;
  pairs?: TrainPair[];
}
export interface NewTrainRun {
  name: string;
  kind: "control";
  options: Record<string, unknown>;
  dataset: TrainDataset;
}
// Bytes that lie in memory always, during all of the training, a step, a validation, or the encoding before the first step.
export interface PlanRow {
  name: string;
  bytes: number;
  phase?: "always" | "training" | "step" | "validation" | "encoding";
}
export interface TrainPlan {
  memory: { peak?: number; rows?: PlanRow[]; [name: string]: unknown };
  available?: number;
  fits?: boolean;
  warnings?: string[];
  checks?: { topic: string; text: string; warning: boolean }[];
  gradient_checkpointing?: boolean;
}

export interface WorkerInfo {
  name: string;
  device: string;
  job: string | null; // its id; null or "": none
  last_seen: number;
}

export interface VerifyResult {
  ok: boolean;
  sha256: string;
  problems: string[];
}

// ---- Events --------------------------------------------------------------------------------------------------------
export type ServerEvent =
  | { id?: number; type: "hello"; resumed?: boolean }
  | { id?: number; type: "job"; job: Job }
  | { id?: number; type: "preview"; job: string; step: number }
  | { id?: number; type: "image"; image: StudioImage }
  | { id?: number; type: "image_removed"; image: string }
  | { id?: number; type: "train"; run: TrainRun }
  | { id?: number; type: "models" }
  | { id?: number; type: "queue"; queued: number; running: number };
