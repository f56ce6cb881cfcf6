// SPDX-License-Identifier: Apache-2.0
// Is the server there, and does it know us?
import { signal } from "@preact/signals";
import type { ConnectionState } from "../api/events.ts";

export const connection = signal<ConnectionState>("connecting");
export const loginNeeded = signal(false);

// Logins by hand. The screen begins anew with each, since what it asked for before was refused.
export const logins = signal(0);
