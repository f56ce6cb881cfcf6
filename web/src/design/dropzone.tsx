// SPDX-License-Identifier: Apache-2.0
// A place for files: dropped, pasted while it has the focus, or chosen in the system's own window.
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { names } from "./class_names.ts";
import { Icon, type IconName } from "./icon.tsx";
import "./dropzone.css";

export interface DropzoneProps {
  label: string;
  hint?: string;
  icon?: IconName;
  accept?: string;
  multiple?: boolean;
  compact?: boolean;
  disabled?: boolean;
  class?: string;
  children?: ComponentChildren; // instead of icon and words
  onFiles(files: File[]): void;
  // Something of our own was dropped: an image of the gallery. Its JSON is under this type.
  onDropData?: (data: DataTransfer) => boolean;
}

export function Dropzone({ label, hint, icon = "image-plus", accept = "image/*", multiple, compact, disabled, class: extra, children, onFiles, onDropData }: DropzoneProps) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const take = (list: FileList | null | undefined) => {
    const files = [...(list ?? [])];
    if (files.length) onFiles(multiple ? files : files.slice(0, 1));
  };
  return (
    <>
      <button
        type="button"
        class={names("dropzone", over && "dropzone-over", compact && "dropzone-compact", extra)}
        disabled={disabled}
        aria-label={children ? label : undefined}
        onClick={() => input.current?.click()}
        onPaste={(event) => take(event.clipboardData?.files)}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          event.stopPropagation();
          setOver(false);
          if (event.dataTransfer && onDropData?.(event.dataTransfer)) return;
          take(event.dataTransfer?.files);
        }}
      >
        {children ?? (
          <>
            <Icon name={icon} size={compact ? 16 : 22} />
            <span class="dropzone-label">{label}</span>
            {hint && <span class="dropzone-hint">{hint}</span>}
          </>
        )}
      </button>
      <input
        ref={input}
        hidden
        type="file"
        tabIndex={-1}
        accept={accept}
        multiple={multiple}
        onChange={(event) => {
          take(event.currentTarget.files);
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}
