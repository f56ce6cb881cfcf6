// SPDX-License-Identifier: Apache-2.0
// The design system in one import.
export { Button, IconButton, type ButtonProps, type IconButtonProps } from "./button.tsx";
export { Chip, kind_color, type ChipProps } from "./chip.tsx";
export { names } from "./class_names.ts";
export { Dialog, type DialogProps } from "./dialog.tsx";
export { Dropzone, type DropzoneProps } from "./dropzone.tsx";
export { Segmented, Select, Switch, type Option } from "./choice_field.tsx";
export { Field, HelpMark, TextArea, TextField } from "./field.tsx";
export { NumberField, NumberInput, RangeSlider, Slider } from "./number_field.tsx";
export { Icon, type IconName } from "./icon.tsx";
export { Menu, MenuPanel, type MenuEntry, type MenuItem } from "./menu.tsx";
export { clamp, format_bytes, format_number, format_seconds, snap } from "./numbers.ts";
export { Progress } from "./progress.tsx";
export { Tabs, type Tab } from "./tabs.tsx";
export { announce, toast, ToastHost, type ToastMessage } from "./toast.tsx";
export { Tooltip, TooltipHost } from "./tooltip.tsx";
