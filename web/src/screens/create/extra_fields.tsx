// SPDX-License-Identifier: Apache-2.0
// Fields of the request that have no control of their own, drawn from the server's schema: what a newer server can do appears by itself.
import { NumberField, Select, Slider, Switch, TextField } from "../../design/index.ts";
import { t_or } from "../../i18n/index.ts";
import type { JsonSchema } from "../../api/types.ts";
import { capabilities } from "../../state/capabilities.ts";
import { fields_of_schema, type ExtraField } from "../../state/schema_fields.ts";
import { recipe, set_recipe } from "../../state/recipe.ts";
import { fieldErrors } from "../../state/submit.ts";

function set(field: ExtraField, value: unknown): void {
  const { [field.name]: _, ...rest } = recipe.value.extra;
  set_recipe({ extra: value === field.default ? rest : { ...rest, [field.name]: value } });
}

function One({ field }: { field: ExtraField }) {
  const key = `create.field_${field.name.replace(".", "_")}`;
  const label = t_or(key, field.name.replace(/[._]/g, " "));
  const help = t_or(`${key}_help`, field.help) || undefined;
  const value = recipe.value.extra[field.name] ?? field.default;
  const error = fieldErrors.value[field.name];
  switch (field.type) {
    case "bool":
      return <Switch label={label} help={help} checked={value === true} onChange={(on) => set(field, on)} />;
    case "choice":
      return <Select label={label} help={help} error={error} value={String(value ?? "")} options={field.choices.map((choice) => ({ value: choice, label: choice }))} onChange={(choice) => set(field, choice)} />;
    case "text":
      return <TextField label={label} help={help} error={error} value={String(value ?? "")} onChange={(text) => set(field, text === "" ? field.default : text)} />;
    default: {
      const number = typeof value === "number" ? value : (field.min ?? 0);
      const step = field.type === "int" ? 1 : 0.05;
      return field.min !== undefined && field.max !== undefined && field.max - field.min <= 1000 ? (
        <Slider label={label} help={help} error={error} min={field.min} max={field.max} step={step} value={number} initial={typeof field.default === "number" ? field.default : undefined} onChange={(next) => set(field, next)} />
      ) : (
        <NumberField label={label} help={help} error={error} min={field.min} max={field.max} step={step} value={number} onChange={(next) => set(field, next)} />
      );
    }
  }
}

export function ExtraFields() {
  const schema: JsonSchema | undefined = capabilities.value?.request_schema;
  const fields = fields_of_schema(schema);
  const drawn = (group: string) => fields.filter((field) => field.group === group).map((field) => <One key={field.name} field={field} />);
  const groups = [...new Set(fields.map((field) => field.group))].filter((group) => group !== "");
  return (
    <>
      {drawn("")}
      {groups.map((group) => (
        <fieldset key={group} class="recipe-part">
          <legend>{t_or(`create.part_${group}`, group)}</legend>
          {drawn(group)}
        </fieldset>
      ))}
    </>
  );
}
