// SPDX-License-Identifier: Apache-2.0
// Icons of the tools that the rest of the page does not use. Lucide, ISC licence.
import arrow_down_to_line from "lucide-static/icons/arrow-down-to-line.svg?raw";
import blend from "lucide-static/icons/blend.svg?raw";
import contrast from "lucide-static/icons/contrast.svg?raw";
import crosshair from "lucide-static/icons/crosshair.svg?raw";
import droplet from "lucide-static/icons/droplet.svg?raw";
// Lucide names them by their axis, not by the way in which they mirror.
import mirror_x from "lucide-static/icons/flip-vertical-2.svg?raw";
import mirror_y from "lucide-static/icons/flip-horizontal-2.svg?raw";
import hexagon from "lucide-static/icons/hexagon.svg?raw";
import lasso from "lucide-static/icons/lasso.svg?raw";
import merge from "lucide-static/icons/layers-2.svg?raw";
import mountain from "lucide-static/icons/mountain.svg?raw";
import panel from "lucide-static/icons/panel-right.svg?raw";
import pipette from "lucide-static/icons/pipette.svg?raw";
import radial from "lucide-static/icons/snowflake.svg?raw";
import slash from "lucide-static/icons/slash.svg?raw";
import valley from "lucide-static/icons/chevrons-down.svg?raw";
import hill from "lucide-static/icons/chevrons-up.svg?raw";
import replace from "lucide-static/icons/replace.svg?raw";
import expand from "lucide-static/icons/expand.svg?raw";
import shrink from "lucide-static/icons/shrink.svg?raw";
import words from "lucide-static/icons/type.svg?raw";

export const svgs = {
  arrow_down_to_line, blend, contrast, crosshair, droplet, expand, hexagon, hill, lasso, merge, mirror_x, mirror_y, mountain, panel, pipette, radial, replace,
  shrink, slash, valley, words,
};
