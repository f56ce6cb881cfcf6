// SPDX-License-Identifier: Apache-2.0
// Asks for the server's token when it wants one.
import { useState } from "preact/hooks";
import { Button, Dialog, TextField } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { error_text } from "../state/errors.ts";
import { loginNeeded } from "../state/session.ts";
import { login } from "../state/start.ts";

export function LoginDialog() {
  const [token, setToken] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  if (!loginNeeded.value) return null;
  const send = async () => {
    setBusy(true);
    setError("");
    try {
      await login(token.trim());
      setToken("");
    } catch (fault) {
      setError(error_text(fault));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      title={t("app.login")}
      onClose={() => (loginNeeded.value = false)}
      footer={<Button kind="primary" busy={busy} disabled={!token.trim()} onClick={send}>{t("app.login_button")}</Button>}
    >
      <p class="muted" style={{ marginBlockEnd: "12px" }}>{t("app.login_help")}</p>
      <TextField label={t("app.token")} type="password" autocomplete="current-password" value={token} error={error} onChange={setToken} onEnter={send} />
    </Dialog>
  );
}
