// SPDX-License-Identifier: Apache-2.0
// One tooltip for the whole page: any element with data-tip shows that text on hover or keyboard focus.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { place } from "./floating.ts";
import "./tooltip.css";

// For things that take no data-tip themselves.
export function Tooltip({ text, children }: { text: string; children: ComponentChildren }) {
  return (
    <span class="tooltip-anchor" data-tip={text}>
      {children}
    </span>
  );
}

interface Shown {
  text: string;
  anchor: Element;
}

const kDelayMs = 450;

function tip_at(target: EventTarget | null): Shown | null {
  const anchor = target instanceof Element ? target.closest("[data-tip]") : null;
  const text = anchor?.getAttribute("data-tip");
  return anchor && text ? { anchor, text } : null;
}

// Stands once in the page.
export function TooltipHost() {
  const [shown, setShown] = useState<Shown | null>(null);
  const bubble = useRef<HTMLDivElement>(null);

  useEffect(() => {
    let timer = 0;
    let last = 0;
    const hide = () => {
      clearTimeout(timer);
      setShown((before) => {
        if (before) last = performance.now();
        return null;
      });
    };
    const over = (event: PointerEvent) => {
      if (event.pointerType === "touch") return;
      const next = tip_at(event.target);
      clearTimeout(timer);
      if (!next) return hide();
      // Once one has been read the next comes at once.
      const wait = performance.now() - last < 400 ? 60 : kDelayMs;
      timer = window.setTimeout(() => setShown(next), wait);
    };
    const focus = (event: FocusEvent) => {
      const next = tip_at(event.target);
      if (next && next.anchor.matches(":focus-visible")) setShown(next);
    };
    const key = (event: KeyboardEvent) => event.key === "Escape" && hide();
    const options = { capture: true, passive: true };
    document.addEventListener("pointerover", over, options);
    document.addEventListener("pointerdown", hide, options);
    document.addEventListener("focusin", focus, options);
    document.addEventListener("focusout", hide, options);
    document.addEventListener("keydown", key, options);
    document.addEventListener("scroll", hide, options);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointerover", over, options);
      document.removeEventListener("pointerdown", hide, options);
      document.removeEventListener("focusin", focus, options);
      document.removeEventListener("focusout", hide, options);
      document.removeEventListener("keydown", key, options);
      document.removeEventListener("scroll", hide, options);
    };
  }, []);

  useLayoutEffect(() => {
    const element = bubble.current;
    if (!element || !shown) return;
    // Inside a modal dialog the page's own elements lie below it; a popover lies above everything.
    element.showPopover?.();
    const at = place(shown.anchor.getBoundingClientRect(), element.getBoundingClientRect(), { width: innerWidth, height: innerHeight }, "center", 7);
    element.style.left = `${at.left}px`;
    element.style.top = `${at.top}px`;
  }, [shown]);

  if (!shown) return null;
  return (
    <div ref={bubble} class="tooltip" role="tooltip" popover="manual">
      {shown.text}
    </div>
  );
}
