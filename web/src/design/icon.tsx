// SPDX-License-Identifier: Apache-2.0
// Line icons of the lucide collection, written into the page as SVG so that they take the colour of the text.
import { names } from "./class_names.ts";
import { icons, type IconName } from "./icons.ts";
import "./icon.css";

export type { IconName } from "./icons.ts";

const inner = new Map<string, string>();

// What stands between <svg ...> and </svg>.
function drawing_of(svg: string): string {
  let drawing = inner.get(svg);
  if (drawing === undefined) {
    drawing = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).trim();
    inner.set(svg, drawing);
  }
  return drawing;
}

export interface IconProps {
  name?: IconName;
  svg?: string; // text of a file that is not in the list: import x from "lucide-static/icons/x.svg?raw"
  size?: number;
  class?: string;
}

// A picture of its own says nothing to a screen reader; the button around it has the label.
export function Icon({ name, svg, size = 16, class: extra }: IconProps) {
  return (
    <svg
      class={names("icon", extra)}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width={size > 20 ? 1.6 : 1.8}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      dangerouslySetInnerHTML={{ __html: drawing_of(svg ?? icons[name ?? "circle"]) }}
    />
  );
}
