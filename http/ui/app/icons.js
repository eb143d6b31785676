// Drawings of one line width, 20 by 20.
import { html } from "./lib.js";

/** @type {Record<string, string>} */
const lines = {
  today: "M3 5.5h14v11H3zM3 8.5h14M7 3v3M13 3v3M8 12.5l1.5 1.5 3-3",
  tasks: "M3.5 5.5l1.2 1.2 2-2.2M3.5 10.5l1.2 1.2 2-2.2M3.5 15.5l1.2 1.2 2-2.2M9.5 5.8H17M9.5 10.8H17M9.5 15.8H17",
  board: "M3 3.5h4v13H3zM8.5 3.5h4v8h-4zM14 3.5h3.5v10.500H14z",
  done: "M10 3a7 7 0 100 14 7 7 0 000-14zM7 10.200l2.100 2.100 4-4.400",
  settings: "M3 6h8M15 6h2M13 4v4M3 14h2M9 14h8M7 12v4",
  people: "M7.500 9.500a2.800 2.800 0 100-5.600 2.800 2.800 0 000 5.600zM2.500 16c.3-2.800 2.300-4.300 5-4.300s4.700 1.500 5 4.300M13 9.300a2.400 2.400 0 100-4.700M14.500 11.900c1.800.4 2.900 1.800 3.100 3.900",
  audit: "M5 3h7l3 3v11H5zM12 3v3h3M7.500 10h5M7.500 13h5",
  search: "M9 4a5 5 0 100 10A5 5 0 009 4zM12.700 12.700L17 17",
  plus: "M10 4v12M4 10h12",
  flag: "M5 17V4h9l-2 3 2 3H5",
  notes: "M4 6h12M4 10h12M4 14h7",
  date: "M3 5.500h14v11H3zM3 8.500h14M7 3v3M13 3v3",
  trash: "M4 6h12M8 6V4h4v2M5.500 6l.7 10.500h7.600L14.500 6M8.500 9v5M11.500 9v5",
  close: "M5 5l10 10M15 5L5 15",
  more: "M4 10h.01M10 10h.01M16 10h.01",
  out: "M8 4H4v12h4M8 10h9M14 7l3 3-3 3",
  help: "M7.500 7.700a2.500 2.500 0 115 .2c0 1.600-2.500 1.900-2.500 3.600M10 14.800v.01",
  undo: "M4 8h8a4 4 0 010 8H8M4 8l3.500-3.500M4 8l3.500 3.500",
  cloud: "M6 15.500a3.500 3.500 0 01-.4-7 4.500 4.500 0 018.700-.6 3.800 3.800 0 01-.3 7.600M10 10v6M7.800 12.200L10 10l2.200 2.200",
  offline: "M3 3l14 14M6 15.500a3.500 3.500 0 01-.4-7M8 5.300a4.500 4.500 0 016.300 2.600 3.800 3.800 0 012.200 5.800",
  conflict: "M10 4l7 12.500H3zM10 8.500v4M10 14.500v.01",
  move: "M4 10h12M12.500 6.500L16 10l-3.500 3.500",
};

/** @param {{ name: string }} props */
export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false"><path d=${lines[name]} /></svg>`;
