// SPDX-License-Identifier: Apache-2.0
// Starts the page.
import { render } from "preact";
import "./design/tokens.css";
import "./design/base.css";
import { App } from "./app.tsx";
import { follow_settings } from "./state/settings.ts";
import { start } from "./state/start.ts";

follow_settings();
render(<App />, document.getElementById("app")!);
void start();
