// SPDX-License-Identifier: Apache-2.0
// The frame of a field with label, help and error, and fields for words.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { names } from "./class_names.ts";
import { Icon } from "./icon.tsx";
import "./field.css";

export interface FieldProps {
  label: string;
  help?: string; // a sentence behind the question mark
  error?: string; // what is wrong with the value; read aloud
  hideLabel?: boolean;
  class?: string;
  aside?: ComponentChildren; // at the end of the label's line
  children: (ids: { id: string; describedBy: string | undefined }) => ComponentChildren;
}

export function Field({ label, help, error, hideLabel, class: extra, aside, children }: FieldProps) {
  const id = useId();
  const errorId = `${id}-error`;
  return (
    <div class={names("field", error && "field-wrong", extra)}>
      <div class={names("field-head", hideLabel && !aside && "visually-hidden")}>
        <label for={id} class={names("field-label", hideLabel && "visually-hidden")}>
          {label}
        </label>
        {help && <HelpMark text={help} />}
        {aside && <div class="field-aside">{aside}</div>}
      </div>
      {children({ id, describedBy: error ? errorId : undefined })}
      {error && (
        <p class="field-error" id={errorId} role="alert">
          <Icon name="circle-alert" size={13} /> {error}
        </p>
      )}
    </div>
  );
}

export function HelpMark({ text }: { text: string }) {
  return (
    <button type="button" class="field-help" aria-label={text} data-tip={text} tabIndex={0}>
      <Icon name="circle-help" size={13} />
    </button>
  );
}

export interface TextFieldProps {
  label: string;
  value: string;
  placeholder?: string;
  hideLabel?: boolean;
  help?: string;
  error?: string;
  disabled?: boolean;
  type?: "text" | "search" | "password" | "url";
  autocomplete?: string;
  spellcheck?: boolean;
  class?: string;
  onChange(value: string): void; // at each key
  onEnter?: () => void;
}

export function TextField({ label, value, placeholder, hideLabel, help, error, disabled, type = "text", autocomplete, spellcheck, class: extra, onChange, onEnter }: TextFieldProps) {
  return (
    <Field label={label} hideLabel={hideLabel} help={help} error={error} class={extra}>
      {({ id, describedBy }) => (
        <input
          id={id}
          class="input"
          type={type}
          value={value}
          placeholder={placeholder}
          disabled={disabled}
          autocomplete={autocomplete}
          spellcheck={spellcheck}
          aria-describedby={describedBy}
          onInput={(event) => onChange(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Enter" && onEnter?.()}
        />
      )}
    </Field>
  );
}

export interface TextAreaProps {
  label: string;
  value: string;
  placeholder?: string;
  rows?: number;
  hideLabel?: boolean;
  help?: string;
  error?: string;
  name?: string; // found by data-field, so that an error or a key can put the cursor there
  class?: string;
  aside?: ComponentChildren;
  onChange(value: string): void;
  onKeyDown?: (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => void;
}

// Grows with its text.
export function TextArea({ label, value, placeholder, rows = 2, hideLabel, help, error, name, class: extra, aside, onChange, onKeyDown }: TextAreaProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.blockSize = "auto";
    element.style.blockSize = `${element.scrollHeight + 2}px`;
  }, [value]);
  return (
    <Field label={label} hideLabel={hideLabel} help={help} error={error} class={extra} aside={aside}>
      {({ id, describedBy }) => (
        <textarea
          id={id}
          ref={area}
          class="input textarea"
          rows={rows}
          value={value}
          placeholder={placeholder}
          data-field={name}
          aria-describedby={describedBy}
          onInput={(event) => onChange(event.currentTarget.value)}
          onKeyDown={(event) => onKeyDown?.(event)}
        />
      )}
    </Field>
  );
}
