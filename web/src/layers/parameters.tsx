// SPDX-License-Identifier: Apache-2.0
// The controls of an annotator, made from what the server says about it. "low" and "high" are one slider with two handles.
import { RangeSlider, Select, Slider, Switch } from "../design/index.ts";
import { t, t_or } from "../i18n/index.ts";
import type { ParameterInfo, ParameterValue } from "../api/types.ts";
import { EdgeHistogram } from "./histogram.tsx";

export interface ParametersProps {
  parameters: ParameterInfo[];
  values: Record<string, ParameterValue>;
  image?: string | undefined;
  onChange(values: Record<string, ParameterValue>): void;
}

function words_of(info: ParameterInfo): string {
  return t_or(`kinds.parameter_${info.name}`, info.label ?? info.name.replace(/_/g, " "));
}

export function Parameters({ parameters, values, image, onChange }: ParametersProps) {
  const value_of = (info: ParameterInfo) => values[info.name] ?? info.default;
  const set = (info: ParameterInfo, value: ParameterValue) => {
    const { [info.name]: _, ...rest } = values;
    onChange(value === info.default ? rest : { ...rest, [info.name]: value });
  };
  const low = parameters.find((info) => info.name === "low");
  const high = parameters.find((info) => info.name === "high");
  const pair = low && high && low.type !== "bool" && high.type !== "bool";
  const rest = pair ? parameters.filter((info) => info !== low && info !== high) : parameters;
  return (
    <>
      {pair && (
        <div class="layer-card-thresholds">
          {image && <EdgeHistogram sha={image} low={Number(value_of(low))} high={Number(value_of(high))} />}
          <RangeSlider
            label={t("create.thresholds")}
            labels={[words_of(low), words_of(high)]}
            help={t("create.thresholds_help")}
            min={low.min ?? 1}
            max={Math.max(255, Number(value_of(low)), Number(value_of(high)))}
            step={low.step ?? 1}
            value={[Number(value_of(low)), Number(value_of(high))]}
            onChange={([from, to]) => {
              const { low: _l, high: _h, ...others } = values;
              onChange({ ...others, ...(from === low.default ? {} : { low: from }), ...(to === high.default ? {} : { high: to }) });
            }}
          />
        </div>
      )}
      {rest.map((info) => {
        const label = words_of(info);
        const help = info.help || undefined;
        if (info.type === "bool") return <Switch key={info.name} label={label} help={help} checked={value_of(info) === true} onChange={(on) => set(info, on)} />;
        if (info.type === "choice") {
          return (
            <Select
              key={info.name}
              label={label}
              help={help}
              value={String(value_of(info))}
              options={(info.choices ?? []).map((choice) => ({ value: choice, label: choice }))}
              onChange={(choice) => set(info, choice)}
            />
          );
        }
        const step = info.step ?? (info.type === "int" ? 1 : 0.01);
        const start = Number(info.default);
        return (
          <Slider
            key={info.name}
            label={label}
            help={help}
            min={info.min ?? 0}
            max={info.max ?? Math.max(1, start * 4)}
            step={step}
            initial={start}
            value={Number(value_of(info))}
            onChange={(value) => set(info, value)}
          />
        );
      })}
    </>
  );
}
