// SPDX-License-Identifier: Apache-2.0
// English: words that every screen uses.
export default {
  close: "Close",
  cancel: "Cancel",
  apply: "Apply",
  save: "Save",
  delete: "Delete",
  undo: "Undo",
  retry: "Try again",
  reset: "Reset",
  more: "More",
  less: "Less",
  messages: "Messages",
  loading: "Loading…",
  auto: "Automatic",
  none: "None",
  copied: "Copied",
  yes: "Yes",
  no: "No",
};
