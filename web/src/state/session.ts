// SPDX-License-Identifier: Apache-2.0
// Is the server there, and does it know us?
import { signal } from "@preact/signals";
import type { ConnectionState } from "../api/events.ts";

export const connection = signal<ConnectionState>("connecting");
export const loginNeeded = signal(false);
