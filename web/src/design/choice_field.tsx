// SPDX-License-Identifier: Apache-2.0
// Fields for a choice: a list, a switch, or one of few that are all seen at once.
import { useId } from "preact/hooks";
import { names } from "./class_names.ts";
import { Field, HelpMark } from "./field.tsx";
import { Icon } from "./icon.tsx";

export interface Option<Value extends string = string> {
  value: Value;
  label: string;
  disabled?: boolean;
}

export interface SelectProps<Value extends string = string> {
  label: string;
  value: Value;
  options: (Option<Value> | { group: string; options: Option<Value>[] })[];
  hideLabel?: boolean;
  help?: string;
  error?: string;
  disabled?: boolean;
  class?: string;
  onChange(value: Value): void;
}

export function Select<Value extends string = string>({ label, value, options, hideLabel, help, error, disabled, class: extra, onChange }: SelectProps<Value>) {
  const item = (option: Option<Value>) => (
    <option key={option.value} value={option.value} disabled={option.disabled}>
      {option.label}
    </option>
  );
  return (
    <Field label={label} hideLabel={hideLabel} help={help} error={error} class={extra}>
      {({ id, describedBy }) => (
        <span class="select">
          <select id={id} class="input" value={value} disabled={disabled} aria-describedby={describedBy} onChange={(event) => onChange(event.currentTarget.value as Value)}>
            {options.map((option) => ("group" in option ? <optgroup key={option.group} label={option.group}>{option.options.map(item)}</optgroup> : item(option)))}
          </select>
          <Icon name="chevron-down" size={14} />
        </span>
      )}
    </Field>
  );
}

export interface SwitchProps {
  label: string;
  checked: boolean;
  help?: string;
  disabled?: boolean;
  class?: string;
  onChange(checked: boolean): void;
}

export function Switch({ label, checked, help, disabled, class: extra, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div class={names("switch", extra)}>
      <label for={id} class="switch-label">{label}</label>
      {help && <HelpMark text={help} />}
      <input id={id} type="checkbox" role="switch" class="switch-input" checked={checked} disabled={disabled} onChange={(event) => onChange(event.currentTarget.checked)} />
    </div>
  );
}

export interface SegmentedProps<Value extends string> {
  label: string;
  value: Value;
  options: { value: Value; label: string; help?: string }[];
  hideLabel?: boolean;
  help?: string;
  class?: string;
  onChange(value: Value): void;
}

// One of few: all are seen at once.
export function Segmented<Value extends string>({ label, value, options, hideLabel, help, class: extra, onChange }: SegmentedProps<Value>) {
  const name = useId();
  return (
    <fieldset class={names("segmented", extra)}>
      <legend class={names("field-label", hideLabel && "visually-hidden")}>
        {label} {help && <HelpMark text={help} />}
      </legend>
      <div class="segmented-row">
        {options.map((option) => (
          <label key={option.value} class="segmented-item" data-tip={option.help}>
            <input type="radio" name={name} class="visually-hidden" checked={option.value === value} onChange={() => onChange(option.value)} />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
