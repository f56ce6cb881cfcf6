// SPDX-License-Identifier: Apache-2.0
// How long to wait before the next try to connect.

// 0.5 s, 1 s, 2 s ... 15 s, each moved by up to a fifth so that many tabs do not come back at once.
export function wait_ms(tries: number, random: () => number = Math.random): number {
  const base = Math.min(15_000, 500 * 2 ** Math.min(tries, 10));
  return Math.round(base * (0.8 + 0.4 * random()));
}
