// SPDX-License-Identifier: Apache-2.0
// All keys on one page.
import { Dialog } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { keyActions, key_caps, keys_of, type KeyAction } from "../state/keys.ts";
import { settings } from "../state/settings.ts";
import { helpOpen } from "../state/view.ts";
import "./help.css";

const mac = /Mac|iPhone|iPad/.test(navigator.platform);

export function KeyCaps({ combo }: { combo: string }) {
  return (
    <span class="keycaps">
      {key_caps(combo, mac).map((cap) => (
        <kbd key={cap} class="keycap">{cap}</kbd>
      ))}
    </span>
  );
}

const groups: KeyAction["group"][] = ["general", "layers", "stage", "results", "editor"];

export function HelpDialog() {
  if (!helpOpen.value) return null;
  return (
    <Dialog open wide title={t("app.keys")} onClose={() => (helpOpen.value = false)}>
      <div class="help-groups">
        {groups.map((group) => (
          <section key={group} class="help-group">
            <h3>{t(`keys.group_${group}`)}</h3>
            <dl>
              {keyActions.filter((action) => action.group === group).map((action) => {
                const keys = keys_of(action, settings.value.keys);
                return (
                  <div key={action.id} class="help-line">
                    <dt>{t(`keys.${action.id}`)}</dt>
                    <dd>
                      <KeyCaps combo={keys[0]!} />
                      {action.id === "toggle_layer" ? <> – <KeyCaps combo="9" /></> : keys.length > 1 && <KeyCaps combo={keys[1]!} />}
                    </dd>
                  </div>
                );
              })}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
