// SPDX-License-Identifier: Apache-2.0
// The icons in use. Lucide is under the ISC licence (see THIRD_PARTY.md). Add one by its file name in lucide-static/icons.
import activity from "lucide-static/icons/activity.svg?raw";
import archive from "lucide-static/icons/archive.svg?raw";
import arrow_down from "lucide-static/icons/arrow-down.svg?raw";
import arrow_left from "lucide-static/icons/arrow-left.svg?raw";
import arrow_left_right from "lucide-static/icons/arrow-left-right.svg?raw";
import arrow_right from "lucide-static/icons/arrow-right.svg?raw";
import arrow_up from "lucide-static/icons/arrow-up.svg?raw";
import ban from "lucide-static/icons/ban.svg?raw";
import box from "lucide-static/icons/box.svg?raw";
import brush from "lucide-static/icons/brush.svg?raw";
import check from "lucide-static/icons/check.svg?raw";
import chevron_down from "lucide-static/icons/chevron-down.svg?raw";
import chevron_left from "lucide-static/icons/chevron-left.svg?raw";
import chevron_right from "lucide-static/icons/chevron-right.svg?raw";
import chevron_up from "lucide-static/icons/chevron-up.svg?raw";
import chevrons_up_down from "lucide-static/icons/chevrons-up-down.svg?raw";
import circle from "lucide-static/icons/circle.svg?raw";
import circle_alert from "lucide-static/icons/circle-alert.svg?raw";
import circle_check from "lucide-static/icons/circle-check.svg?raw";
import circle_help from "lucide-static/icons/circle-help.svg?raw";
import columns_2 from "lucide-static/icons/columns-2.svg?raw";
import copy from "lucide-static/icons/copy.svg?raw";
import cpu from "lucide-static/icons/cpu.svg?raw";
import crop from "lucide-static/icons/crop.svg?raw";
import dices from "lucide-static/icons/dices.svg?raw";
import download from "lucide-static/icons/download.svg?raw";
import ellipsis from "lucide-static/icons/ellipsis.svg?raw";
import ellipsis_vertical from "lucide-static/icons/ellipsis-vertical.svg?raw";
import eraser from "lucide-static/icons/eraser.svg?raw";
import external_link from "lucide-static/icons/external-link.svg?raw";
import eye from "lucide-static/icons/eye.svg?raw";
import eye_off from "lucide-static/icons/eye-off.svg?raw";
import file_json from "lucide-static/icons/file-json.svg?raw";
import flip_horizontal_2 from "lucide-static/icons/flip-horizontal-2.svg?raw";
import folder from "lucide-static/icons/folder.svg?raw";
import gauge from "lucide-static/icons/gauge.svg?raw";
import graduation_cap from "lucide-static/icons/graduation-cap.svg?raw";
import grip_vertical from "lucide-static/icons/grip-vertical.svg?raw";
import hand from "lucide-static/icons/hand.svg?raw";
import image from "lucide-static/icons/image.svg?raw";
import image_plus from "lucide-static/icons/image-plus.svg?raw";
import images from "lucide-static/icons/images.svg?raw";
import info from "lucide-static/icons/info.svg?raw";
import keyboard from "lucide-static/icons/keyboard.svg?raw";
import languages from "lucide-static/icons/languages.svg?raw";
import layers from "lucide-static/icons/layers.svg?raw";
import leaf from "lucide-static/icons/leaf.svg?raw";
import link from "lucide-static/icons/link.svg?raw";
import list_ordered from "lucide-static/icons/list-ordered.svg?raw";
import list_todo from "lucide-static/icons/list-todo.svg?raw";
import loader_circle from "lucide-static/icons/loader-circle.svg?raw";
import lock from "lucide-static/icons/lock.svg?raw";
import lock_open from "lucide-static/icons/lock-open.svg?raw";
import maximize from "lucide-static/icons/maximize.svg?raw";
import minus from "lucide-static/icons/minus.svg?raw";
import monitor from "lucide-static/icons/monitor.svg?raw";
import moon from "lucide-static/icons/moon.svg?raw";
import mouse_pointer_2 from "lucide-static/icons/mouse-pointer-2.svg?raw";
import move from "lucide-static/icons/move.svg?raw";
import paint_bucket from "lucide-static/icons/paint-bucket.svg?raw";
import palette from "lucide-static/icons/palette.svg?raw";
import paintbrush from "lucide-static/icons/paintbrush.svg?raw";
import pause from "lucide-static/icons/pause.svg?raw";
import pen_tool from "lucide-static/icons/pen-tool.svg?raw";
import pencil from "lucide-static/icons/pencil.svg?raw";
import person_standing from "lucide-static/icons/person-standing.svg?raw";
import pin from "lucide-static/icons/pin.svg?raw";
import play from "lucide-static/icons/play.svg?raw";
import plus from "lucide-static/icons/plus.svg?raw";
import redo_2 from "lucide-static/icons/redo-2.svg?raw";
import refresh_cw from "lucide-static/icons/refresh-cw.svg?raw";
import rotate_ccw from "lucide-static/icons/rotate-ccw.svg?raw";
import ruler from "lucide-static/icons/ruler.svg?raw";
import save from "lucide-static/icons/save.svg?raw";
import scan from "lucide-static/icons/scan.svg?raw";
import search from "lucide-static/icons/search.svg?raw";
import send from "lucide-static/icons/send.svg?raw";
import settings from "lucide-static/icons/settings.svg?raw";
import shapes from "lucide-static/icons/shapes.svg?raw";
import sliders_horizontal from "lucide-static/icons/sliders-horizontal.svg?raw";
import sparkles from "lucide-static/icons/sparkles.svg?raw";
import spline from "lucide-static/icons/spline.svg?raw";
import square from "lucide-static/icons/square.svg?raw";
import square_dashed from "lucide-static/icons/square-dashed.svg?raw";
import star from "lucide-static/icons/star.svg?raw";
import sun from "lucide-static/icons/sun.svg?raw";
import target from "lucide-static/icons/target.svg?raw";
import trash_2 from "lucide-static/icons/trash-2.svg?raw";
import triangle_alert from "lucide-static/icons/triangle-alert.svg?raw";
import undo_2 from "lucide-static/icons/undo-2.svg?raw";
import unlink from "lucide-static/icons/unlink.svg?raw";
import upload from "lucide-static/icons/upload.svg?raw";
import user from "lucide-static/icons/user.svg?raw";
import wand_sparkles from "lucide-static/icons/wand-sparkles.svg?raw";
import waves from "lucide-static/icons/waves.svg?raw";
import wifi from "lucide-static/icons/wifi.svg?raw";
import wifi_off from "lucide-static/icons/wifi-off.svg?raw";
import x from "lucide-static/icons/x.svg?raw";
import zap from "lucide-static/icons/zap.svg?raw";
import zoom_in from "lucide-static/icons/zoom-in.svg?raw";
import zoom_out from "lucide-static/icons/zoom-out.svg?raw";

export const icons = {
  activity,
  archive,
  "arrow-down": arrow_down,
  "arrow-left": arrow_left,
  "arrow-left-right": arrow_left_right,
  "arrow-right": arrow_right,
  "arrow-up": arrow_up,
  ban,
  box,
  brush,
  check,
  "chevron-down": chevron_down,
  "chevron-left": chevron_left,
  "chevron-right": chevron_right,
  "chevron-up": chevron_up,
  "chevrons-up-down": chevrons_up_down,
  circle,
  "circle-alert": circle_alert,
  "circle-check": circle_check,
  "circle-help": circle_help,
  "columns-2": columns_2,
  copy,
  cpu,
  crop,
  dices,
  download,
  ellipsis,
  "ellipsis-vertical": ellipsis_vertical,
  eraser,
  "external-link": external_link,
  eye,
  "eye-off": eye_off,
  "file-json": file_json,
  "flip-horizontal-2": flip_horizontal_2,
  folder,
  gauge,
  "graduation-cap": graduation_cap,
  "grip-vertical": grip_vertical,
  hand,
  image,
  "image-plus": image_plus,
  images,
  info,
  keyboard,
  languages,
  layers,
  leaf,
  link,
  "list-ordered": list_ordered,
  "list-todo": list_todo,
  "loader-circle": loader_circle,
  lock,
  "lock-open": lock_open,
  maximize,
  minus,
  monitor,
  moon,
  "mouse-pointer-2": mouse_pointer_2,
  move,
  "paint-bucket": paint_bucket,
  palette,
  paintbrush,
  pause,
  "pen-tool": pen_tool,
  pencil,
  "person-standing": person_standing,
  pin,
  play,
  plus,
  "redo-2": redo_2,
  "refresh-cw": refresh_cw,
  "rotate-ccw": rotate_ccw,
  ruler,
  save,
  scan,
  search,
  send,
  settings,
  shapes,
  "sliders-horizontal": sliders_horizontal,
  sparkles,
  spline,
  square,
  "square-dashed": square_dashed,
  star,
  sun,
  target,
  "trash-2": trash_2,
  "triangle-alert": triangle_alert,
  "undo-2": undo_2,
  unlink,
  upload,
  user,
  "wand-sparkles": wand_sparkles,
  waves,
  wifi,
  "wifi-off": wifi_off,
  x,
  zap,
  "zoom-in": zoom_in,
  "zoom-out": zoom_out,
};

export type IconName = keyof typeof icons;
