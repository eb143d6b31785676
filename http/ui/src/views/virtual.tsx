// A long list of which only what is in sight is in the document. Heights are the style sheet's,
// measured once; one row, the open editor, has a height of its own.
import type { RefObject } from "preact";
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { afterPress } from "../state/press";

const AHEAD_PX = 400;

export type Props<T> = {
  items: T[];
  idOf: (item: T) => string;
  isHead?: (item: T) => boolean;
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

/** Paper has no scroll bar: all rows are in the document while it is printed. */
const isPrinting = signal(false);
const paper = matchMedia("print");
isPrinting.value = paper.matches;
paper.addEventListener("change", () => (isPrinting.value = paper.matches));
addEventListener("beforeprint", () => (isPrinting.value = true));
addEventListener("afterprint", () => (isPrinting.value = paper.matches));

/** The nearest element around that scrolls: which one does depends on the size of the window. */
function scrollerOf(from: Element): HTMLElement {
  let part = from.closest<HTMLElement>("[data-scrolls]");
  while (part && !["auto", "scroll"].includes(getComputedStyle(part).overflowY)) {
    part = part.parentElement?.closest<HTMLElement>("[data-scrolls]") ?? null;
  }
  return part ?? document.documentElement;
}

/** What of a list is in sight, and how high its rows are. */
function useSight(box: RefObject<HTMLElement | null>) {
  const [sight, setSight] = useState({ top: 0, height: 800 });
  const [sizes, setSizes] = useState({ row: 44, head: 44 });
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
        was.top === top && was.height === scroller.clientHeight
          ? was
          : { top, height: scroller.clientHeight },
      );
    };
    const ask = () => (asked ||= requestAnimationFrame(look));
    const measure = () => {
      const [row = 44, head = 44] = probes.map((probe) => probe.offsetHeight);
      // A column that is not shown has no heights.
      if (row === 0) {
        return;
      }
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

/** The height of the one row that has its own. */
function useOpened() {
  const [opened, setOpened] = useState(0);
  const observer = useRef<ResizeObserver>(null);
  const measure = (element: Element | null) => {
    observer.current?.disconnect();
    observer.current = null;
    if (element) {
      observer.current = new ResizeObserver(() => setOpened((element as HTMLElement).offsetHeight));
      observer.current.observe(element);
    }
  };
  return { opened, measure };
}

/** Brings rows from `from` to `to`, in pixels, into sight; of what is too high, its top. */
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

export function Virtual<T>({
  items,
  idOf,
  isHead = () => false,
  open = null,
  wanted = null,
  draw,
  attributes,
}: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const { sight, sizes } = useSight(box);
  const { opened, measure } = useOpened();
  const indexOf = (id: string | null) =>
    id === null ? -1 : items.findIndex((item) => idOf(item) === id);

  let total = 0;
  const tops = new Float64Array(items.length + 1);
  items.forEach((item, index) => {
    total += idOf(item) === open && opened > 0 ? opened : isHead(item) ? sizes.head : sizes.row;
    tops[index + 1] = total;
  });
  const show = (id: string | null) => {
    const index = indexOf(id);
    if (index >= 0 && box.current) {
      reveal(box.current, (tops[index] ?? 0) - sizes.head, (tops[index + 1] ?? 0) + 16);
    }
  };
  const latest = useRef(show);
  latest.current = show;
  // Not when the view comes: then it stands where it was left.
  const isNew = useRef(true);
  useEffect(() => {
    const wasNew = isNew.current;
    isNew.current = false;
    return wasNew ? undefined : afterPress(() => latest.current(wanted));
  }, [wanted]);
  useEffect(() => afterPress(() => latest.current(open)), [open, opened]);

  const isAll = isPrinting.value;
  const [from, to] = [sight.top - AHEAD_PX, sight.top + sight.height + AHEAD_PX];
  const first = isAll ? 0 : Math.max(0, firstAfter(tops, from) - 1);
  const end = isAll ? items.length : Math.min(items.length, firstAfter(tops, to));
  const indices = Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
  // The rows that are edited or hold the cursor stay, or the focus would be lost.
  for (const index of [open, wanted].map(indexOf)) {
    if (index >= 0 && !indices.includes(index)) {
      indices.push(index);
    }
  }
  // In order: a row that moves in the document loses the focus, and the browser scrolls to it.
  indices.sort((a, b) => a - b);
  return (
    <div ref={box} {...attributes} style={{ height: `${total}px` }}>
      <div class="probe row" aria-hidden="true"></div>
      <div class="probe head" aria-hidden="true"></div>
      {indices.map((index) => draw(items[index] as T, `${tops[index]}px`, index, measure))}
    </div>
  );
}

/** The first place in a rising row that is beyond `at`. */
function firstAfter(tops: Float64Array, at: number) {
  let [low, high] = [0, tops.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tops[middle] ?? 0) <= at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
