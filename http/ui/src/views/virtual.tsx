// A virtual list: only visible rows are in the document. Row heights come from the style sheet and
// are measured; the open editor has its own height.
import type { RefObject } from "preact";
import { signal } from "@preact/signals";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { afterPress } from "../state/press";

/** How far beyond the visible area rows are drawn, one frame after the visible ones. */
const AHEAD_PX = 400;

export type Props<T> = {
  items: readonly T[];
  indexOf: (items: readonly T[], key: string | null) => number;
  /** The indices of the headings. */
  heads?: readonly number[];
  open?: string | null;
  wanted?: string | null;
  draw: (
    item: T,
    top: string,
    index: number,
    measure: (element: Element | null) => void,
  ) => unknown;
  attributes: Record<string, unknown>;
};
type Keyed = { key: string };

/** Printing needs all rows in the document, because paper does not scroll. */
const isPrinting = signal(false);
const paper = matchMedia("print");
isPrinting.value = paper.matches;
paper.addEventListener("change", () => (isPrinting.value = paper.matches));
addEventListener("beforeprint", () => (isPrinting.value = true));
addEventListener("afterprint", () => (isPrinting.value = paper.matches));

/** Returns the nearest ancestor that scrolls, which depends on the window size. */
function scrollerOf(from: Element): HTMLElement {
  let part = from.closest<HTMLElement>("[data-scrolls]");
  while (part && !["auto", "scroll"].includes(getComputedStyle(part).overflowY)) {
    part = part.parentElement?.closest<HTMLElement>("[data-scrolls]") ?? null;
  }
  return part ?? document.documentElement;
}

type Sight = { top: number; height: number };
type Sizes = { row: number; head: number };
/** The last measured row heights, by kind of list. */
const measured: Map<string, Sizes> = new Map();

/** Returns the visible part of a list (null before it is measured) and its row heights. */
function useSight(box: RefObject<HTMLElement | null>, kind: string) {
  const [sight, setSight] = useState(null as Sight | null);
  const [sizes, setSizes] = useState(measured.get(kind) ?? { row: 44, head: 44 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) {
      return undefined;
    }
    const probes = [...element.querySelectorAll<HTMLElement>(":scope > .probe")];
    let asked = 0;
    const look = () => {
      asked = 0;
      const scroller = scrollerOf(element);
      const top = scroller.getBoundingClientRect().top - element.getBoundingClientRect().top;
      setSight((was) =>
        was?.top === top && was.height === scroller.clientHeight
          ? was
          : { top, height: scroller.clientHeight },
      );
    };
    const ask = () => (asked ||= requestAnimationFrame(look));
    const measure = () => {
      const [row = 44, head = 44] = probes.map((probe) => probe.offsetHeight);
      // A hidden column has no height.
      if (row === 0) {
        return;
      }
      measured.set(kind, { row, head });
      setSizes((was) => (was.row === row && was.head === head ? was : { row, head }));
      look();
    };
    const observer = new ResizeObserver(measure);
    const around = [...document.querySelectorAll("[data-scrolls]")];
    const scrollers = around.filter((part) => part.contains(element));
    [...scrollers, ...probes].forEach((one) => observer.observe(one));
    scrollers.forEach((part) => part.addEventListener("scroll", ask, { passive: true }));
    measure();
    return () => {
      observer.disconnect();
      scrollers.forEach((part) => part.removeEventListener("scroll", ask));
      cancelAnimationFrame(asked);
    };
  }, []);

  return { sight, sizes };
}

/** Measures the height of the open row. */
function useOpened() {
  const [opened, setOpened] = useState(0);
  const observer = useRef<ResizeObserver>(null);
  const measure = useCallback((element: Element | null) => {
    observer.current?.disconnect();
    observer.current = null;
    if (element) {
      observer.current = new ResizeObserver(() => setOpened((element as HTMLElement).offsetHeight));
      observer.current.observe(element);
    }
  }, []);
  return { opened, measure };
}

/** Scrolls rows from `from` to `to` (pixels) into view, or their top if they are too tall. */
function reveal(box: HTMLElement, from: number, to: number) {
  const scroller = scrollerOf(box);
  const offset =
    box.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
  if (offset + to > scroller.scrollTop + scroller.clientHeight) {
    scroller.scrollTop = offset + to - scroller.clientHeight;
  }
  if (offset + from < scroller.scrollTop) {
    scroller.scrollTop = offset + from;
  }
}

/** Returns the top of an item in pixels. One past the last item is the bottom of the list. */
type TopOf = (index: number) => number;

/** `more`: the extra height of the item at `openAt`. */
function topsOf(heads: readonly number[], sizes: Sizes, openAt: number, more: number): TopOf {
  return (index) => {
    let top = index * sizes.row + (openAt >= 0 && openAt < index ? more : 0);
    for (const head of heads) {
      if (head >= index) {
        break;
      }
      top += sizes.head - sizes.row;
    }
    return top;
  };
}

/** Scrolls the cursor's row and the open editor into view. */
function useReveal(show: (id: string | null) => void, wanted: string | null, opens: unknown[]) {
  const latest = useRef(show);
  latest.current = show;
  // Not on the first render, which restores the scroll position.
  const isNew = useRef(true);
  useEffect(() => {
    const wasNew = isNew.current;
    isNew.current = false;
    return wasNew ? undefined : afterPress(() => latest.current(wanted));
  }, [wanted]);
  useEffect(() => afterPress(() => latest.current(opens[0] as string | null)), opens);
}

/** Returns the indices of the items to draw. */
function useDrawn<T extends Keyed>(items: readonly T[], topOf: TopOf, sight: Sight | null) {
  // Draw visible new items first and the others in the next render.
  const [settled, setSettled] = useState(null as readonly T[] | null);
  useEffect(() => setSettled(items), [items]);
  const last = useRef(new Set<string>());
  const drawn: number[] = [];
  if (isPrinting.value) {
    drawn.push(...items.keys());
  } else if (sight) {
    const [from, to] = [sight.top, sight.top + sight.height];
    let at = Math.max(0, firstAfter(topOf, items.length, from - AHEAD_PX) - 1);
    for (; at < items.length && topOf(at) <= to + AHEAD_PX; at += 1) {
      const isInSight = topOf(at + 1) >= from && topOf(at) <= to;
      if (isInSight || items === settled || last.current.has((items[at] as T).key)) {
        drawn.push(at);
      }
    }
  }
  last.current = new Set(drawn.map((index) => (items[index] as T).key));
  return drawn;
}

const NO_HEADS: number[] = [];

export function Virtual<T extends Keyed>({
  items,
  indexOf,
  heads = NO_HEADS,
  open = null,
  wanted = null,
  draw,
  attributes,
}: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const { sight, sizes } = useSight(box, String(attributes["class"]));
  const { opened, measure } = useOpened();
  const openAt = useMemo(() => indexOf(items, open), [items, open]);
  const wantedAt = useMemo(() => indexOf(items, wanted), [items, wanted]);
  const topOf = topsOf(heads, sizes, openAt, opened > 0 ? opened - sizes.row : 0);
  const show = (key: string | null) => {
    const index = indexOf(items, key);
    if (index >= 0 && box.current) {
      reveal(box.current, topOf(index) - sizes.head, topOf(index + 1) + 16);
    }
  };
  useReveal(show, wanted, [open, opened]);
  const indices = useDrawn(items, topOf, sight);
  // Keep the open row and the cursor's row in the document, or they would lose the focus.
  for (const index of [openAt, wantedAt]) {
    if (index >= 0 && !indices.includes(index)) {
      indices.push(index);
    }
  }
  // Keep document order: a row that is moved in the document loses the focus, and the browser
  // scrolls.
  indices.sort((a, b) => a - b);
  return (
    <div ref={box} {...attributes} style={{ height: `${topOf(items.length)}px` }}>
      <div class="probe row" aria-hidden="true"></div>
      <div class="probe head" aria-hidden="true"></div>
      {indices.map((index) => draw(items[index] as T, `${topOf(index)}px`, index, measure))}
    </div>
  );
}

/** Returns the first of `count` items (or the bottom) whose top is greater than `at`. */
function firstAfter(topOf: TopOf, count: number, at: number) {
  let [low, high] = [0, count + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (topOf(middle) <= at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
