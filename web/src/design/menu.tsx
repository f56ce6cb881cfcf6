// SPDX-License-Identifier: Apache-2.0
// A menu under a button: arrows, Home, End, first letters, Escape.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { names } from "./class_names.ts";
import { place } from "./floating.ts";
import { Icon, type IconName } from "./icon.tsx";
import "./menu.css";

export interface MenuItem {
  id: string;
  label: string;
  icon?: IconName;
  note?: string; // small, at the end: a key or a size
  detail?: string; // a second line
  mark?: string; // a colour, as of a kind of map
  checked?: boolean;
  danger?: boolean;
  disabled?: boolean;
  onSelect(): void;
}
export type MenuEntry = MenuItem | { separator: true } | { heading: string };

export interface MenuProps {
  items: MenuEntry[];
  label: string;
  align?: "start" | "end";
  // Draws the button; its props carry everything that opens the menu.
  button: (props: { onClick: () => void; "aria-haspopup": "menu"; "aria-expanded": boolean; "aria-controls": string | undefined; buttonRef: (element: HTMLButtonElement | null) => void }) => ComponentChildren;
  class?: string;
}

export function Menu({ items, label, align = "start", button, class: extra }: MenuProps) {
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement | null>(null);
  const id = useId();
  const close = (focus: boolean) => {
    setOpen(false);
    if (focus) anchor.current?.focus();
  };
  return (
    <>
      {button({
        onClick: () => setOpen(!open),
        "aria-haspopup": "menu",
        "aria-expanded": open,
        "aria-controls": open ? id : undefined,
        buttonRef: (element) => (anchor.current = element),
      })}
      {open && <MenuPanel id={id} items={items} label={label} align={align} anchor={() => anchor.current} onClose={close} class={extra} />}
    </>
  );
}

interface PanelProps {
  id?: string;
  items: MenuEntry[];
  label: string;
  align: "start" | "end";
  anchor: () => Element | { left: number; top: number } | null;
  onClose: (focus: boolean) => void;
  class?: string | undefined;
}

// The open menu alone; also used for a menu at the pointer.
export function MenuPanel({ id, items, label, align, anchor, onClose, class: extra }: PanelProps) {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = panel.current;
    const at = anchor();
    if (!element || !at) return;
    element.showPopover?.();
    const box = at instanceof Element ? at.getBoundingClientRect() : { left: at.left, top: at.top, width: 0, height: 0 };
    const spot = place(box, element.getBoundingClientRect(), { width: innerWidth, height: innerHeight }, align, 4);
    element.style.left = `${spot.left}px`;
    element.style.top = `${spot.top}px`;
    (element.querySelector<HTMLElement>("[aria-checked=true]") ?? element.querySelector<HTMLElement>("[role^=menuitem]:not(:disabled)"))?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const outside = (event: PointerEvent) => {
      const at = anchor();
      const target = event.target as Node;
      if (panel.current?.contains(target) || (at instanceof Element && at.contains(target))) return;
      onClose(false);
    };
    document.addEventListener("pointerdown", outside, true);
    return () => document.removeEventListener("pointerdown", outside, true);
  }, []);
  const key = (event: KeyboardEvent) => {
    const all = [...(panel.current?.querySelectorAll<HTMLElement>("[role^=menuitem]:not(:disabled)") ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    let to = -1;
    if (event.key === "ArrowDown") to = (at + 1) % all.length;
    else if (event.key === "ArrowUp") to = (at - 1 + all.length) % all.length;
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = all.length - 1;
    else if (event.key === "Escape" || event.key === "Tab") onClose(true);
    else if (event.key.length === 1 && /\S/.test(event.key)) {
      const letter = event.key.toLowerCase();
      const order = [...all.slice(at + 1), ...all.slice(0, at + 1)];
      to = all.indexOf(order.find((item) => item.textContent?.trim().toLowerCase().startsWith(letter)) ?? all[at]!);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    all[to]?.focus();
  };
  return (
    <div ref={panel} id={id} class={names("menu", extra)} role="menu" aria-label={label} popover="manual" onKeyDown={key}>
      {items.map((item, at) => {
        if ("separator" in item) return <div key={`s${at}`} class="menu-separator" role="separator" />;
        if ("heading" in item) return <div key={`h${at}`} class="menu-heading" role="presentation">{item.heading}</div>;
        return (
          <button
            key={item.id}
            type="button"
            role={item.checked === undefined ? "menuitem" : "menuitemradio"}
            aria-checked={item.checked}
            class={names("menu-item", item.danger && "menu-danger")}
            disabled={item.disabled}
            tabIndex={-1}
            onPointerMove={(event) => event.currentTarget.focus({ preventScroll: true })}
            onClick={() => {
              onClose(true);
              item.onSelect();
            }}
          >
            {item.mark !== undefined && <span class="menu-mark" style={{ background: item.mark }} />}
            {item.icon && <Icon name={item.icon} size={15} />}
            <span class="menu-text">
              {item.label}
              {item.detail && <span class="menu-detail">{item.detail}</span>}
            </span>
            {item.note && <span class="menu-note">{item.note}</span>}
            {item.checked && <Icon name="check" size={14} class="menu-check" />}
          </button>
        );
      })}
    </div>
  );
}
