// SPDX-License-Identifier: Apache-2.0
// Class names out of what holds: names("button", small && "button-small").
export function names(...parts: (string | false | null | undefined)[]): string {
  return parts.filter(Boolean).join(" ");
}
