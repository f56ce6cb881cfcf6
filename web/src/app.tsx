// SPDX-License-Identifier: Apache-2.0
// The frame around the screens: navigation, top bar, and what floats above everything.
import type { ComponentType } from "preact";
import { lazy, Suspense } from "preact/compat";
import { Router, useLocation } from "wouter-preact";
import { useHashLocation } from "wouter-preact/use-hash-location";
import { Button, ToastHost, TooltipHost } from "./design/index.ts";
import { t } from "./i18n/index.ts";
import { Create } from "./screens/create/index.tsx";
import { HelpDialog } from "./shell/help.tsx";
import { LoginDialog } from "./shell/login.tsx";
import { Navigation, screen_of } from "./shell/navigation.tsx";
import { Shortcuts } from "./shell/shortcuts.tsx";
import { TopBar } from "./shell/topbar.tsx";
import { Incoming } from "./shell/incoming.tsx";
import { logins } from "./state/session.ts";
import "./app.css";

// Fetched when they are first opened; a build without one of them shows a note instead.
const modules = import.meta.glob<{ default: ComponentType }>(["./screens/*/index.tsx", "!./screens/create/index.tsx"]);

function Missing() {
  return <p class="app-note">{t("app.screen_missing")}</p>;
}

function lazy_screen(name: string): ComponentType {
  const load = modules[`./screens/${name}/index.tsx`];
  return load ? lazy(load) : Missing;
}

const screens: Record<string, ComponentType> = Object.fromEntries(["gallery", "train", "models", "queue", "settings"].map((name) => [name, lazy_screen(name)]));

function Screen() {
  const [path] = useLocation();
  const name = screen_of(path);
  if (name === "create") return <Create />;
  const Shown = screens[name] ?? NotFound;
  return (
    <Suspense fallback={<p class="app-note" role="status">{t("common.loading")}</p>}>
      <Shown key={logins.value} />
    </Suspense>
  );
}

function NotFound() {
  const [, go] = useLocation();
  return (
    <div class="app-note">
      <p>{t("app.not_found")}</p>
      <Button onClick={() => go("/")}>{t("app.to_create")}</Button>
    </div>
  );
}

export function App() {
  return (
    <Router hook={useHashLocation}>
      <a class="app-skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>{t("app.skip")}</a>
      <div class="app">
        <Navigation />
        <TopBar />
        <main id="main" class="app-main" tabIndex={-1}>
          <Screen />
        </main>
      </div>
      <Shortcuts />
      <Incoming />
      <HelpDialog />
      <LoginDialog />
      <ToastHost />
      <TooltipHost />
    </Router>
  );
}
