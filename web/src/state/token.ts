// SPDX-License-Identifier: Apache-2.0
// The link that the server prints carries its token behind "#", where it is sent to nobody. No page in here.

// "http://x/#token=abc", "http://x/?token=abc" or "http://x/#/queue?token=abc"; `rest` is the address without it.
export function token_of_address(address: string): { token: string | null; rest: string } {
  const url = new URL(address);
  const in_hash = /[#?&]token=([^&#]+)/.exec(url.hash);
  if (in_hash) {
    const hash = url.hash.replace(/^#token=[^&]*&?/, "#").replace(/[?&]token=[^&]*/, "");
    url.hash = hash === "#" ? "" : hash;
    return { token: decodeURIComponent(in_hash[1]!), rest: url.toString() };
  }
  const token = url.searchParams.get("token");
  url.searchParams.delete("token");
  return { token: token || null, rest: url.toString() };
}
