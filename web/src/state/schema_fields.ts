// SPDX-License-Identifier: Apache-2.0
// Which fields of the request's JSON Schema the page draws by itself, and as what. No page in here.
import type { JsonSchema } from "../api/types.ts";
import { knownFields } from "./request.ts";

export interface ExtraField {
  name: string; // of a part: "hires.scale"
  group: string; // what it is a part of, or nothing
  type: "int" | "float" | "bool" | "choice" | "text";
  default: unknown;
  min?: number;
  max?: number;
  choices: string[];
  help: string;
}

// Fields with a place elsewhere on the page.
const elsewhere = new Set(["low_memory"]);

// Those of the request itself first, then those of its parts.
export function fields_of_schema(schema: JsonSchema | undefined): ExtraField[] {
  const own = Object.entries(schema?.properties ?? {}).filter(([name]) => !knownFields.has(name) && !elsewhere.has(name));
  return [...fields_of(own, ""), ...own.flatMap(([name, part]) => fields_of(Object.entries(part.properties ?? {}), name))];
}

function fields_of(properties: readonly [string, JsonSchema][], group: string): ExtraField[] {
  const fields: ExtraField[] = [];
  for (const [name, property] of properties) {
    const type = type_of(property);
    if (!type) continue;
    fields.push({
      name: group ? `${group}.${name}` : name,
      group,
      type,
      default: property.default ?? (type === "bool" ? false : type === "choice" ? String(property.enum![0]) : type === "text" ? "" : (property.minimum ?? 0)),
      ...(property.minimum === undefined ? {} : { min: property.minimum }),
      ...(property.maximum === undefined ? {} : { max: property.maximum }),
      choices: (property.enum ?? []).map(String),
      help: property.description ?? "",
    });
  }
  return fields;
}

export function has_field(schema: JsonSchema | undefined, name: string): boolean {
  return schema?.properties?.[name] !== undefined;
}

function type_of(property: JsonSchema): ExtraField["type"] | null {
  const type = Array.isArray(property.type) ? property.type.find((one) => one !== "null") : property.type;
  if (property.enum?.length) return "choice";
  if (type === "boolean") return "bool";
  if (type === "integer") return "int";
  if (type === "number") return "float";
  // Names of files are no text that a page could offer.
  if (type === "string" && !("format" in property)) return "text";
  return null;
}

const first_unit_fields = ["kind", "image", "map", "weight", "start", "end", "mode", "only_mid", "parameters"];

// Fields of an entry of "controls"; the server refuses others. Those of the first version where the schema does not say.
export function unit_fields(schema: JsonSchema | undefined): ReadonlySet<string> {
  let items = schema?.properties?.controls?.items;
  const reference = items?.$ref;
  if (typeof reference === "string" && reference.startsWith("#/")) {
    items = reference.slice(2).split("/").reduce<JsonSchema | undefined>((at, name) => at?.[name] as JsonSchema | undefined, schema);
  }
  return new Set(items?.properties ? Object.keys(items.properties) : first_unit_fields);
}
