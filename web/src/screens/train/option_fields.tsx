// SPDX-License-Identifier: Apache-2.0
// Options of a training out of the server's schema, in groups that fold.
import { NumberField, Select, Slider, Switch, TextField } from "../../design/index.ts";
import type { JsonSchema } from "../../api/types.ts";
import { t, t_or } from "../../i18n/index.ts";
import { grouped_fields, type TrainField } from "./form.ts";

export interface OptionFieldsProps {
  schema: JsonSchema | null;
  values: Record<string, unknown>;
  fault: { field: string; error: string } | null;
  onChange(name: string, value: unknown): void; // undefined: the default again
}

// A learning rate of 1e-5 wants other digits than a share of 0.5.
function step_of(field: TrainField, value: number): number {
  if (field.type === "int") return 1;
  if (value > 0 && value < 0.01) return 10 ** Math.max(-9, Math.floor(Math.log10(value)) - 1);
  if (field.name === "lr") return 0.001;
  return field.max !== undefined && field.max <= 1 ? 0.01 : 0.1;
}

export function option_label(name: string): string {
  const plain = name.replace(/_/g, " ");
  return t_or(`train.field_${name}`, plain.charAt(0).toUpperCase() + plain.slice(1));
}

function One({ field, value, error, onChange }: { field: TrainField; value: unknown; error: string | undefined; onChange(value: unknown): void }) {
  const label = option_label(field.name);
  const help = t_or(`train.help_${field.name}`, field.help) || undefined;
  const now = value ?? field.default;
  const set = (next: unknown) => onChange(next === field.default ? undefined : next);
  switch (field.type) {
    case "bool":
      return <Switch label={label} help={help} checked={now === true} onChange={set} />;
    case "choice":
      return <Select label={label} help={help} error={error} value={String(now ?? "")} options={field.choices.map((choice) => ({ value: choice, label: choice.replace(/_/g, " ") }))} onChange={set} />;
    case "text":
      return <TextField label={label} help={help} error={error} value={String(now ?? "")} onChange={set} />;
    default: {
      const number = typeof now === "number" ? now : (field.min ?? 0);
      const share = field.type === "float" && field.min === 0 && field.max !== undefined && field.max <= 1 && field.name !== "lr" && field.name !== "weight_decay" && field.name !== "ema";
      return share ? (
        <Slider label={label} help={help} error={error} min={0} max={field.max!} step={0.01} value={number} initial={typeof field.default === "number" ? field.default : undefined} onChange={set} />
      ) : (
        <NumberField label={label} help={help} error={error} min={field.min} max={field.max} step={step_of(field, number)} value={number} onChange={set} />
      );
    }
  }
}

export function OptionFields({ schema, values, fault, onChange }: OptionFieldsProps) {
  return (
    <>
      {grouped_fields(schema).map(({ group, fields }) => {
        const changed = fields.filter((field) => values[field.name] !== undefined && values[field.name] !== field.default).length;
        const wrong = fields.some((field) => field.name === fault?.field);
        return (
          <details key={group} class="train-group" open={wrong || undefined}>
            <summary>
              {t(`train.group_${group}`)}
              {changed > 0 && <span class="page-count num" data-tip={t("train.changed", { count: changed })}>{changed}</span>}
            </summary>
            <div class="train-group-fields">
              {fields.map((field) => (
                <One key={field.name} field={field} value={values[field.name]} error={field.name === fault?.field ? fault.error : undefined} onChange={(value) => onChange(field.name, value)} />
              ))}
            </div>
          </details>
        );
      })}
    </>
  );
}
