// SPDX-License-Identifier: Apache-2.0
// The screens: a rail on wide windows, a menu in the top bar on small ones.
import { Link, useLocation } from "wouter-preact";
import { Icon, IconButton, Menu, names, type IconName } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { openJobs } from "../state/jobs.ts";
import "./navigation.css";

export const screenList: { name: string; path: string; icon: IconName }[] = [
  { name: "create", path: "/", icon: "wand-sparkles" },
  { name: "gallery", path: "/gallery", icon: "images" },
  { name: "train", path: "/train", icon: "graduation-cap" },
  { name: "models", path: "/models", icon: "box" },
  { name: "queue", path: "/queue", icon: "list-todo" },
  { name: "settings", path: "/settings", icon: "settings" },
];

// "/gallery/abc" -> "gallery"; "/" and "/create" are the same.
export function screen_of(path: string): string {
  return path.split("/")[1] || "create";
}

export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="var(--accent)" />
      <path d="M9.5 9.5h13l-13 13h13" fill="none" stroke="var(--accent-text)" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round" />
      <circle cx="9.5" cy="9.5" r="2.5" fill="var(--accent-text)" />
      <circle cx="22.5" cy="22.5" r="2.5" fill="var(--accent-text)" />
    </svg>
  );
}

export function Navigation() {
  const [path] = useLocation();
  const current = screen_of(path);
  const waiting = openJobs.value.length;
  return (
    <nav class="nav" aria-label={t("app.screens")}>
      <Link href="/" class="nav-logo" aria-label={t("app.name")}>
        <Logo />
      </Link>
      {screenList.map((screen, index) => (
        <Link
          key={screen.name}
          href={screen.path}
          class={names("nav-item", screen.name === "settings" && "nav-last", current === screen.name && "nav-current")}
          aria-current={current === screen.name ? "page" : undefined}
          data-tip={`${t(`app.screen_${screen.name}`)} (${index + 1})`}
        >
          <Icon name={screen.icon} size={20} />
          <span class="nav-label">{t(`app.screen_${screen.name}`)}</span>
          {screen.name === "queue" && waiting > 0 && <span class="nav-badge num">{waiting}</span>}
        </Link>
      ))}
    </nav>
  );
}

export function NavigationMenu() {
  const [path, go] = useLocation();
  const current = screen_of(path);
  return (
    <Menu
      label={t("app.screens")}
      items={screenList.map((screen) => ({
        id: screen.name,
        label: t(`app.screen_${screen.name}`),
        icon: screen.icon,
        checked: current === screen.name,
        onSelect: () => go(screen.path),
      }))}
      button={(props) => <IconButton {...props} icon="layers" svg={menu_icon} label={t("app.screens")} class="nav-menu" />}
    />
  );
}

const menu_icon = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M4 7h16M4 12h16M4 17h16" /></svg>';
