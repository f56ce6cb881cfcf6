// SPDX-License-Identifier: Apache-2.0
// Faults as sentences for people.
import { ApiError } from "../api/client.ts";
import { t } from "../i18n/index.ts";

export function error_text(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 0) return t("app.offline");
    return error.field && !error.detail.includes(error.field) ? `${error.field}: ${error.detail}` : error.detail || `HTTP ${error.status}`;
  }
  return error instanceof Error ? error.message : String(error);
}
