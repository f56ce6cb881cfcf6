// SPDX-License-Identifier: Apache-2.0
// Comparing pictures, for every screen.
export { Compare, type CompareProps } from "./compare.tsx";
