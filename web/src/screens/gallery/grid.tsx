// SPDX-License-Identifier: Apache-2.0
// The pictures as a grid in which only what is near the window stands in the page.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, Icon, MenuPanel, names } from "../../design/index.ts";
import { language, t } from "../../i18n/index.ts";
import { error_text } from "../../state/errors.ts";
import { day_label } from "../parts/time.ts";
import type { Feed, FeedImage } from "./feed.ts";
import { extended, grid_of, rows_of, toggled, type Grid } from "./grid.ts";
import { tile_items, type ToCreate } from "./menus.ts";
import { atTop, focused, selection, tileSize } from "./state.ts";
import { Tile, tile_id } from "./tile.tsx";
import { useRows } from "./use_rows.ts";

export interface GridHandle {
  grid: Grid;
  page: number; // whole lines in the window
  show(index: number): void; // scrolls to it where it is not seen
  focus(): void;
}

interface GridProps {
  list: Feed;
  handle: RefObject<GridHandle>;
  covered: boolean; // something lies over it
  onOpen(index: number): void;
  onDelete(ids: string[]): void; // for good
  onCreate: ToCreate;
}

const kPad = 16;
const kSmall = 560; // below: a phone

function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observed = element.current;
    if (!observed) return;
    const measure = () => setWidth(observed.clientWidth);
    const observer = new ResizeObserver(measure);
    observer.observe(observed);
    measure();
    return () => observer.disconnect();
  }, []);
  return width;
}

export function PictureGrid({ list, handle, covered, onOpen, onDelete, onCreate }: GridProps) {
  const scroll = useRef<HTMLDivElement>(null);
  const width = useWidth(scroll);
  const small = width < kSmall;
  const pad = small ? 6 : kPad;
  const gap = small ? 4 : 10;
  const grid = grid_of(Math.max(1, width - 2 * pad), small ? tileSize.value * 0.62 : tileSize.value, gap);
  const images = list.images.value;
  const count = Math.max(images.length, list.total.value ?? 0);
  const rows = useRows(scroll, rows_of(count, grid.columns), grid.cell + gap, { start: pad, end: pad + 40 });
  const [menu, setMenu] = useState<{ image: FeedImage; index: number; left: number; top: number } | null>(null);
  const [moved, setMoved] = useState(false); // a moment ago
  const chosen = selection.value;

  const last_row = rows.items.at(-1)?.index ?? 0;
  useEffect(() => list.want((last_row + rows.page + 1) * grid.columns), [list, last_row, grid.columns, images.length]);

  // Another number of columns keeps the picture that was at the upper edge.
  const first_index = useRef(0);
  const columns = useRef(grid.columns);
  useLayoutEffect(() => {
    if (columns.current !== grid.columns && scroll.current) {
      scroll.current.scrollTop = first_index.current === 0 ? 0 : pad + Math.floor(first_index.current / grid.columns) * (grid.cell + gap);
    }
    columns.current = grid.columns;
  }, [grid.columns]);
  useEffect(() => {
    first_index.current = rows.first * grid.columns;
  }, [rows.first]);

  const timer = useRef(0);
  const scrolled = () => {
    const top = scroll.current!.scrollTop;
    atTop.value = top < 40;
    if (atTop.value) list.flush();
    setMoved(top > 40);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setMoved(false), 900);
  };
  useEffect(() => {
    atTop.value = true;
    if (scroll.current) scroll.current.scrollTop = 0;
    return () => clearTimeout(timer.current);
  }, [list]);

  handle.current = {
    grid,
    page: rows.page,
    show: (index) => rows.scroll_to(Math.floor(index / grid.columns)),
    focus: () => scroll.current?.focus({ preventScroll: true }),
  };

  const at = Math.min(focused.value, Math.max(0, images.length - 1));
  const current = images[at];
  const current_row = Math.floor(at / grid.columns);
  const seen = rows.items.some((row) => row.index === current_row);
  const toggle = (index: number) => {
    focused.value = index;
    selection.value = toggled(selection.value, images[index]!.id);
  };
  const extend = (index: number) => {
    const from = selection.value.anchor === null && current ? { ...selection.value, anchor: current.id } : selection.value;
    focused.value = index;
    selection.value = extended(from, images[index]!.id, images);
  };
  const first = images[Math.min(images.length - 1, rows.first * grid.columns)];

  return (
    <div class="gal-body" inert={covered}>
      <div
        ref={scroll}
        class="gal-scroll"
        role="listbox"
        tabIndex={0}
        aria-label={t("gallery.pictures")}
        aria-multiselectable="true"
        aria-busy={list.loading.value}
        aria-activedescendant={current && seen ? tile_id(current) : undefined}
        onScroll={scrolled}
      >
        <div class="gal-sheet" role="presentation" style={{ blockSize: `${rows.height}px` }}>
          {rows.items.map((row) => (
            <div key={row.index} class="gal-row" role="presentation" style={{ transform: `translateY(${row.start}px)`, blockSize: `${grid.cell}px` }}>
              {Array.from({ length: grid.columns }, (_, column) => {
                const index = row.index * grid.columns + column;
                if (index >= count) return null;
                const image = images[index];
                const left = pad + column * (grid.cell + gap);
                if (!image) return <div key={`empty-${index}`} class="gal-tile gal-tile-empty" role="presentation" style={{ insetInlineStart: `${left}px`, inlineSize: `${grid.cell}px`, blockSize: `${grid.cell}px` }} />;
                return (
                  <Tile
                    key={image.id}
                    image={image}
                    index={index}
                    count={count}
                    left={left}
                    side={grid.cell}
                    chosen={chosen.ids.has(image.id)}
                    current={index === at}
                    choosing={chosen.ids.size > 0}
                    onOpen={onOpen}
                    onToggle={toggle}
                    onExtend={extend}
                    onMenu={(index, place) => { focused.value = index; setMenu({ image, index, ...place }); }}
                  />
                );
              })}
            </div>
          ))}
        </div>
      </div>
      {first && <div class={names("gal-day num", moved && "gal-day-on")} aria-hidden="true">{day_label(first.created, Date.now(), language.value)}</div>}
      {list.waiting.value.length > 0 && (
        <Button class="gal-newer" kind="primary" icon="arrow-up" onClick={() => { list.flush(); scroll.current!.scrollTop = 0; }}>
          {t("gallery.newer", { count: list.waiting.value.length })}
        </Button>
      )}
      {list.error.value !== null && images.length > 0 && (
        <div class="gal-more-failed" role="alert">
          <Icon name="circle-alert" size={15} />
          <span>{error_text(list.error.value)}</span>
          <Button small icon="refresh-cw" onClick={() => list.retry()}>{t("common.retry")}</Button>
        </div>
      )}
      {menu && (
        <MenuPanel
          label={t("gallery.menu_of_picture")}
          align="start"
          items={tile_items(menu.image, () => onOpen(menu.index), onCreate, () => onDelete([menu.image.id]))}
          anchor={() => ({ left: menu.left, top: menu.top })}
          onClose={(focus) => { setMenu(null); if (focus) handle.current?.focus(); }}
        />
      )}
    </div>
  );
}
