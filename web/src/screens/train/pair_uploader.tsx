// SPDX-License-Identifier: Apache-2.0
// Own pairs: files or a folder are dropped or chosen; what belongs together is shown, and texts can be written.
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Chip, Dropzone, Icon, IconButton, Progress } from "../../design/index.ts";
import { t } from "../../i18n/index.ts";
import { add_files, clear_pairs, files_of_drop, is_sent, remove_pair, retry_failed, set_text, unusedFiles, uploadPairs, type NamedFile, type UploadPair } from "./uploads.ts";

const kShown = 24;
const kAccept = "image/png,image/jpeg,image/webp,.txt,.caption,.json,.jsonl";

function Picture({ blob, alt }: { blob: Blob; alt: string }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url ? <img class="train-pair-picture" src={url} alt={alt} loading="lazy" /> : <span class="train-pair-picture" />;
}

function Pair({ pair }: { pair: UploadPair }) {
  return (
    <li class="train-pair">
      {pair.map ? <Picture blob={pair.map} alt={t("train.map_of_pair", { name: pair.name })} /> : <span class="train-pair-picture train-pair-made" data-tip={t("train.map_made")}><Icon name="sparkles" size={15} /></span>}
      <Icon name="arrow-right" size={13} />
      <Picture blob={pair.picture} alt={pair.name} />
      <input class="input" value={pair.text} placeholder={t("train.pair_text")} aria-label={t("train.text_of_pair", { name: pair.name })} onInput={(event) => set_text(pair.id, event.currentTarget.value)} />
      {pair.error ? (
        <Chip tone="danger" icon="circle-alert" tip={pair.error}>{t("train.pair_failed")}</Chip>
      ) : is_sent(pair) ? (
        <Icon name="check" size={15} class="train-pair-sent" />
      ) : (
        <Icon name="loader-circle" size={15} class="spin" />
      )}
      <IconButton small icon="x" label={t("train.remove_pair", { name: pair.name })} onClick={() => remove_pair(pair.id)} />
    </li>
  );
}

export function PairUploader({ error }: { error?: string | undefined }) {
  const folder = useRef<HTMLInputElement>(null);
  const [shown, setShown] = useState(kShown);
  const pairs = uploadPairs.value;
  const sent = pairs.filter(is_sent).length;
  const failed = pairs.filter((pair) => pair.error).length;
  const texts = pairs.filter((pair) => pair.text.trim()).length;
  const maps = pairs.filter((pair) => pair.map).length;
  const take = (files: readonly File[]) => void add_files(files.map((file): NamedFile => ({ path: file.webkitRelativePath || file.name, file })));
  useEffect(() => folder.current?.setAttribute("webkitdirectory", ""), []);
  return (
    <div class="train-upload">
      <Dropzone
        multiple
        accept={kAccept}
        label={t("train.drop_pairs")}
        hint={t("train.drop_pairs_hint")}
        onFiles={take}
        onDropData={(data) => {
          void files_of_drop(data).then(add_files);
          return true;
        }}
      />
      <div class="train-upload-line">
        <Button small icon="folder" onClick={() => folder.current?.click()}>{t("train.choose_folder")}</Button>
        <input ref={folder} hidden type="file" multiple tabIndex={-1} aria-label={t("train.choose_folder")} onChange={(event) => { take([...(event.currentTarget.files ?? [])]); event.currentTarget.value = ""; }} />
        {pairs.length > 0 && <span class="muted num" role="status">{t("train.upload_sum", { count: pairs.length, maps, texts })}</span>}
        <span class="page-space" />
        {failed > 0 && <Button small kind="danger" icon="refresh-cw" onClick={retry_failed}>{t("train.send_again", { count: failed })}</Button>}
        {pairs.length > 0 && <Button small kind="quiet" icon="x" onClick={clear_pairs}>{t("train.clear_pairs")}</Button>}
      </div>
      {error && <p class="field-error" role="alert"><Icon name="circle-alert" size={13} /> {error}</p>}
      {pairs.length > 0 && sent < pairs.length && failed === 0 && <Progress label={t("train.sending")} value={sent / pairs.length} />}
      {unusedFiles.value.length > 0 && <p class="train-warning"><Icon name="triangle-alert" size={13} /> {t("train.unused_files", { count: unusedFiles.value.length, names: unusedFiles.value.slice(0, 3).join(", ") })}</p>}
      {pairs.length > 0 && (
        <ul class="train-pairs">{pairs.slice(0, shown).map((pair) => <Pair key={pair.id} pair={pair} />)}</ul>
      )}
      {pairs.length > shown && <Button small onClick={() => setShown(shown + 100)}>{t("train.more_pairs", { count: pairs.length - shown })}</Button>}
    </div>
  );
}
