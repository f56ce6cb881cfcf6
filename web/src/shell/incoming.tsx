// SPDX-License-Identifier: Apache-2.0
// Files dropped or pasted on the page as a whole: what to do with them is asked, and parameters of other tools are offered.
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { asset_url } from "../api/client.ts";
import { Button, Dialog, Icon, kind_color, Select, Switch, toast } from "../design/index.ts";
import { t, t_or } from "../i18n/index.ts";
import { controlKinds } from "../state/capabilities.ts";
import { done_with, incoming, take_files, type Incoming as Item } from "../state/import.ts";
import { add_dropped_map } from "../state/dropped_map.ts";
import { add_layer, new_layer } from "../state/layers.ts";
import { recall_request, send_to_init } from "../state/recall.ts";
import { recallParts, sha_of_ref, type RecallPart } from "../state/request.ts";
import { stageTab } from "../state/view.ts";
import "./incoming.css";

function has_files(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

export function Incoming() {
  const [over, setOver] = useState(false);
  const [path, go] = useLocation();
  useEffect(() => {
    let depth = 0;
    const enter = (event: DragEvent) => {
      if (!has_files(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = () => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const drag = (event: DragEvent) => has_files(event) && event.preventDefault();
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      if (event.defaultPrevented || !has_files(event)) return;
      event.preventDefault();
      void take_files([...(event.dataTransfer?.files ?? [])]);
    };
    const paste = (event: ClipboardEvent) => {
      if (event.defaultPrevented || !event.clipboardData?.files.length) return;
      event.preventDefault();
      void take_files([...event.clipboardData.files]);
    };
    // A drop that a field took ends the hovering too, and tells nobody else.
    const end = () => {
      depth = 0;
      setOver(false);
    };
    window.addEventListener("dragenter", enter);
    window.addEventListener("dragleave", leave);
    window.addEventListener("dragover", drag);
    window.addEventListener("drop", end, true);
    window.addEventListener("drop", drop);
    window.addEventListener("paste", paste);
    return () => {
      window.removeEventListener("dragenter", enter);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("dragover", drag);
      window.removeEventListener("drop", end, true);
      window.removeEventListener("drop", drop);
      window.removeEventListener("paste", paste);
    };
  }, []);
  const first = incoming.value[0];
  return (
    <>
      {over && (
        <div class="incoming-over" aria-hidden="true">
          <div class="incoming-over-box">
            <Icon name="upload" size={28} />
            <p>{t("create.drop_anywhere")}</p>
          </div>
        </div>
      )}
      {first && <IncomingDialog key={first.asset.sha} item={first} onDone={() => { done_with(first.asset.sha); if (!path.match(/^\/?(create)?$/)) go("/"); }} />}
    </>
  );
}

function parts_in(item: Item): RecallPart[] {
  const request = item.read?.request;
  if (!request) return [];
  return recallParts.filter((part) => {
    switch (part) {
      case "prompt":
        return request.prompt !== undefined || request.negative !== undefined;
      case "seed":
        return request.seed !== undefined;
      case "size":
        return Boolean(request.width && request.height);
      case "settings":
        return request.steps !== undefined || request.cfg !== undefined || request.sampler !== undefined;
      case "controls":
        return (request.controls ?? []).some((unit) => sha_of_ref(unit.image));
      case "init":
        return sha_of_ref(request.init) !== null;
    }
  });
}

function IncomingDialog({ item, onDone }: { item: Item; onDone: () => void }) {
  const available = parts_in(item);
  const [parts, setParts] = useState<RecallPart[]>(available);
  const [kind, setKind] = useState(item.pose ? "openpose" : "canny");
  const [map, setMap] = useState(false);
  const { asset } = item;
  const kinds = controlKinds.value;
  const add = async () => {
    if (item.pose) add_layer(new_layer(kinds.some((info) => info.kind === "openpose") ? "openpose" : "pose", { source: "map", pose: asset.sha, name: item.name }));
    else if (map) await add_dropped_map(kind, asset, item.name);
    else add_layer(new_layer(kind, { image: asset.sha, name: item.name }));
    stageTab.value = "map";
    onDone();
  };
  const read = item.read;
  return (
    <Dialog open title={item.name || t("create.picture")} onClose={onDone}>
      <div class="incoming-head">
        {item.pose ? (
          <div class="incoming-picture"><Icon name="person-standing" size={48} /></div>
        ) : (
          <img class="incoming-picture" src={asset_url(asset.sha, 320)} alt="" />
        )}
        <p class="muted num">{item.pose ? t("create.pose_file") : `${asset.width} × ${asset.height}`}</p>
      </div>
      {read && available.length > 0 && (
        <section class="incoming-part">
          <h3>{t("create.carries_parameters", { source: t_or(`create.source_${read.source}`, read.source) })}</h3>
          {read.request.prompt && <p class="incoming-prompt">{read.request.prompt}</p>}
          <div class="incoming-switches">
            {available.map((part) => (
              <Switch
                key={part}
                label={t(`create.part_${part}`)}
                checked={parts.includes(part)}
                onChange={(on) => setParts(on ? [...parts, part] : parts.filter((other) => other !== part))}
              />
            ))}
          </div>
          <Button kind="primary" icon="undo-2" disabled={!parts.length} onClick={() => { recall_request(read.request, parts); onDone(); }}>
            {t("create.apply_parameters")}
          </Button>
        </section>
      )}
      <section class="incoming-part">
        <h3>{t("create.use_picture_as")}</h3>
        {!item.pose && (
          <div class="incoming-row">
            <Select
              label={t("create.kind")}
              hideLabel
              value={kind}
              options={kinds.map((info) => ({ value: info.kind, label: t_or(`kinds.${info.kind}`, info.label), disabled: !info.available }))}
              onChange={setKind}
            />
            <Switch label={t("create.is_map")} help={t("create.is_map_help")} checked={map} onChange={setMap} />
          </div>
        )}
        <div class="incoming-row">
          <Button kind={read ? "plain" : "primary"} onClick={add}>
            <span class="menu-mark" style={{ background: kind_color(kind) }} /> {t("create.as_layer")}
          </Button>
          {!item.pose && (
            <Button
              icon="image"
              onClick={() => {
                send_to_init(asset);
                onDone();
              }}
            >
              {t("create.as_init")}
            </Button>
          )}
          {item.read?.text && (
            <Button
              kind="quiet"
              icon="copy"
              onClick={() => {
                void navigator.clipboard?.writeText(item.read!.text).then(() => toast({ kind: "ok", title: t("common.copied") }));
              }}
            >
              {t("create.copy_text")}
            </Button>
          )}
        </div>
      </section>
    </Dialog>
  );
}
