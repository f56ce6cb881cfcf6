// SPDX-License-Identifier: Apache-2.0
// Which models work together.

// A family that is not known fits everything: the server has the last word.
export function families_match(one: string, other: string): boolean {
  const plain = (family: string) => family.toLowerCase().replace(/[^a-z0-9]/g, "");
  return one === "" || other === "" || plain(one) === plain(other);
}
