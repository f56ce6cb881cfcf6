// SPDX-License-Identifier: Apache-2.0
// Everybody on the canvas, the uppermost first: order, eye, lock, and what can be done with a person.
import { useState } from "preact/hooks";
import { IconButton, Menu, names, type MenuEntry } from "../design/index.ts";
import { t } from "../i18n/index.ts";
import { duplicate, move_person, remove_person, select_person, set_flags, type Model } from "./model.ts";
import type { Person } from "./skeleton.ts";
import { person_name } from "./words.ts";

interface RowProps {
  model: Model;
  person: Person;
  place: number; // in the drawing order
  renaming: boolean;
  onRename(on: boolean): void;
}

function actions({ model, person, place, onRename }: RowProps): MenuEntry[] {
  const last = model.document.value.people.length - 1;
  return [
    { id: "duplicate", label: t("pose.duplicate"), icon: "copy", note: "Ctrl+D", onSelect: () => duplicate(model, [person.id]) },
    { id: "rename", label: t("pose.rename"), icon: "pencil", onSelect: () => onRename(true) },
    { separator: true },
    { id: "forward", label: t("pose.forward"), icon: "arrow-up", note: "Alt+↑", disabled: place === last, onSelect: () => move_person(model, person.id, place + 1) },
    { id: "backward", label: t("pose.backward"), icon: "arrow-down", note: "Alt+↓", disabled: place === 0, onSelect: () => move_person(model, person.id, place - 1) },
    { separator: true },
    { id: "delete", label: t("pose.delete_person"), icon: "trash-2", danger: true, disabled: person.locked, onSelect: () => remove_person(model, person.id) },
  ];
}

function NameField({ model, person, onRename }: RowProps) {
  const name = person_name(person);
  return (
    <input class="input pose-name" value={name} aria-label={t("pose.rename")} maxLength={40} ref={(element) => element?.select()}
      onBlur={(event) => {
        const typed = event.currentTarget.value.trim();
        if (typed !== name) set_flags(model, person.id, { name: typed });
        onRename(false);
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") onRename(false);
      }} />
  );
}

function Row(props: RowProps) {
  const { model, person, place, renaming, onRename } = props;
  const active = model.active.value === person.id;
  const name = person_name(person);
  const keys = (event: KeyboardEvent) => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    event.stopPropagation();
    move_person(model, person.id, place + (event.key === "ArrowUp" ? 1 : -1));
  };
  return (
    <li class={names("pose-row", active && "pose-row-active", person.hidden && "pose-row-hidden")} draggable={!renaming} onKeyDown={keys}
      onDragStart={(event) => event.dataTransfer?.setData("application/x-pose-person", String(person.id))}
      onDragOver={(event) => event.dataTransfer?.types.includes("application/x-pose-person") && event.preventDefault()}
      onDrop={(event) => {
        const id = Number(event.dataTransfer?.getData("application/x-pose-person"));
        if (!id) return;
        event.preventDefault();
        event.stopPropagation();
        move_person(model, id, place);
      }}>
      <IconButton small icon={person.hidden ? "eye-off" : "eye"} label={t(person.hidden ? "pose.show" : "pose.hide", { name })}
        pressed={person.hidden} onClick={() => set_flags(model, person.id, { hidden: !person.hidden })} />
      {renaming ? <NameField {...props} /> : (
        <button type="button" class="pose-row-name" aria-current={active || undefined} onClick={() => select_person(model, person.id)} onDblClick={() => onRename(true)}>
          {name}
        </button>
      )}
      <IconButton small icon={person.locked ? "lock" : "lock-open"} label={t(person.locked ? "pose.unlock" : "pose.lock", { name })} pressed={person.locked}
        class={person.locked ? undefined : "pose-row-quiet"} onClick={() => set_flags(model, person.id, { locked: !person.locked })} />
      <Menu label={name} align="end" items={actions(props)}
        button={({ buttonRef, ...rest }) => <IconButton small icon="ellipsis" label={t("pose.actions", { name })} buttonRef={buttonRef} {...rest} />} />
    </li>
  );
}

export function PeopleList({ model }: { model: Model }) {
  const [renaming, setRenaming] = useState<number | null>(null);
  const { people } = model.document.value;
  if (people.length === 0) return <p class="pose-note">{t("pose.nobody")}</p>;
  return (
    <ul class="pose-people" aria-label={t("pose.people")}>
      {people.map((person, place) => (
        <Row key={person.id} model={model} person={person} place={place} renaming={renaming === person.id}
          onRename={(on) => setRenaming(on ? person.id : null)} />
      )).reverse()}
    </ul>
  );
}
