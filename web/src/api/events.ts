// SPDX-License-Identifier: Apache-2.0
// The live connection: one WebSocket that comes back by itself and asks for what was missed meanwhile.
import { wait_ms } from "./backoff.ts";
import { read_preview_frame, type PreviewFrame } from "./preview_frame.ts";
import type { ServerEvent } from "./types.ts";

export type ConnectionState = "connecting" | "open" | "lost";

export interface EventHandlers {
  event(event: ServerEvent): void;
  preview(job: string, step: number, frame: PreviewFrame): void;
  // `again`: the connection was there before, so events older than the server's memory may be lost.
  state(state: ConnectionState, again: boolean): void;
}

export interface Connection {
  retry(): void; // now rather than after the wait
  close(): void;
}

function address(last_id: number): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/api/v1/events${last_id > 0 ? `?last_event_id=${last_id}` : ""}`;
}

export function connect(handlers: EventHandlers): Connection {
  let socket: WebSocket | null = null;
  let timer = 0;
  let tries = 0;
  let last_id = 0;
  let was_open = false;
  let closed = false;
  let waiting: { job: string; step: number } | null = null;

  const open = () => {
    clearTimeout(timer);
    if (closed) return;
    handlers.state("connecting", was_open);
    const mine = new WebSocket(address(last_id));
    socket = mine;
    mine.binaryType = "arraybuffer";
    waiting = null;
    mine.onopen = () => {
      tries = 0;
      handlers.state("open", was_open);
      was_open = true;
    };
    mine.onmessage = (message: MessageEvent<string | ArrayBuffer>) => {
      if (typeof message.data !== "string") {
        const frame = read_preview_frame(message.data);
        if (frame && waiting) handlers.preview(waiting.job, waiting.step, frame);
        waiting = null;
        return;
      }
      const event = parse(message.data);
      if (!event) return;
      // When nothing could be resumed, what follows counts from here; else the missed ones come now, each with its own id.
      if (event.type === "hello") last_id = event.resumed ? last_id : (event.id ?? 0);
      else if (event.id !== undefined) last_id = Math.max(last_id, event.id);
      if (event.type === "preview") waiting = { job: event.job, step: event.step };
      handlers.event(event);
    };
    mine.onclose = () => {
      if (socket !== mine || closed) return;
      socket = null;
      handlers.state("lost", was_open);
      timer = window.setTimeout(open, wait_ms(tries));
      tries += 1;
    };
  };

  const retry = () => {
    if (closed || socket?.readyState === WebSocket.OPEN || socket?.readyState === WebSocket.CONNECTING) return;
    tries = 0;
    open();
  };
  // A laptop that wakes up should not sit out its wait.
  const wake = () => document.visibilityState === "visible" && retry();
  window.addEventListener("online", retry);
  document.addEventListener("visibilitychange", wake);
  open();

  return {
    retry,
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.close();
      window.removeEventListener("online", retry);
      document.removeEventListener("visibilitychange", wake);
    },
  };
}

function parse(text: string): ServerEvent | null {
  try {
    const event: unknown = JSON.parse(text);
    return typeof event === "object" && event !== null && "type" in event ? (event as ServerEvent) : null;
  } catch {
    return null;
  }
}
