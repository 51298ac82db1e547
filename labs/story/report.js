// Brings the plays of a report to life: zoom, pan, keys, and the dissection of a chosen frame.
// Everything a program sent is written with textContent, never as markup.
"use strict";

const ZOOM_STEP = 1.25, LEAST_ZOOM = 0.25, MOST_ZOOM = 4;
const FAULTY = ".lost, .damaged, .doubled, .held";

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// A stretch of the drawing. Out of view its parts are taken out of the page, for hidden ones would still be laid out.
class Band {
  constructor(group) {
    this.group = group;
    this.parts = [...group.children];
    this.top = +group.dataset.top;
    this.bottom = +group.dataset.bottom;
    this.shown = true;
  }

  show(wanted) {
    if (wanted !== this.shown) this.group.replaceChildren(...(wanted ? this.parts : []));
    this.shown = wanted;
  }
}

class Play {
  constructor(root) {
    this.root = root;
    this.scroller = root.querySelector(".scroller");
    this.drawing = root.querySelector(".drawing");
    this.drawings = [...root.querySelectorAll(".scroller svg")].map(svg => ({
      svg, width: +svg.getAttribute("width"), height: +svg.getAttribute("height"),
    }));
    this.top = this.drawing.viewBox.baseVal.y;
    this.bands = [...root.querySelectorAll(".band")].map(band => new Band(band));
    this.panel = root.querySelector(".panel");
    this.rows = root.querySelectorAll(".table tbody tr");
    this.arrows = new Map();
    for (const arrow of root.querySelectorAll(".frame")) this.arrows.set(+arrow.dataset.frame, arrow);
    this.bandOf = new Map(this.bands.flatMap(band => band.parts.map(part => [part, band])));
    this.frames = null;
    this.zoom = 1;
    this.chosen = 0;
    this.listen();
    this.fit();
    this.cull();
    root.classList.add("live");
    for (const part of root.querySelectorAll(".toolbar, .panel")) part.hidden = false;
    if (root.dataset.culprit) this.choose(+root.dataset.culprit);
  }

  listen() {
    const actions = {
      previous: () => this.step(-1), next: () => this.step(1), fault: () => this.nextFault(),
      in: () => this.setZoom(this.zoom * ZOOM_STEP), out: () => this.setZoom(this.zoom / ZOOM_STEP),
      whole: () => this.setZoom(1),
    };
    const keys = { n: "next", p: "previous", f: "fault", "+": "in", "=": "in", "-": "out", 0: "whole" };
    this.root.querySelector(".toolbar").addEventListener("click", event => actions[event.target.dataset.does]?.());
    this.root.querySelector(".columns").addEventListener("keydown", event => {
      const name = keys[event.key];
      if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      actions[name]();
    });
    this.root.querySelector(".table").addEventListener("click", event => {
      const row = event.target.closest("tbody tr");
      if (row) this.choose(+row.dataset.frame);
    });
    this.scroller.addEventListener("scroll", () => this.soon(), { passive: true });
    this.scroller.addEventListener("wheel", event => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.setZoom(this.zoom * Math.exp(-event.deltaY / 400), event.clientY);
    }, { passive: false });
    new ResizeObserver(() => this.soon()).observe(this.scroller);
    this.listenToDragging();
  }

  listenToDragging() {
    let from = null, moved = false;
    this.scroller.addEventListener("pointerdown", event => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      from = { x: event.clientX, y: event.clientY, left: this.scroller.scrollLeft, top: this.scroller.scrollTop };
      moved = false;
    });
    window.addEventListener("pointermove", event => {
      if (!from) return;
      moved ||= Math.hypot(event.clientX - from.x, event.clientY - from.y) > 4;
      if (!moved) return;
      this.scroller.classList.add("dragged");
      this.scroller.scrollTo(from.left - event.clientX + from.x, from.top - event.clientY + from.y);
    });
    window.addEventListener("pointerup", () => {
      from = null;
      this.scroller.classList.remove("dragged");
    });
    this.scroller.addEventListener("click", event => {
      const arrow = event.target.closest(".frame");
      if (arrow && !moved) this.choose(+arrow.dataset.frame);
    });
  }

  // What is in view ---------------------------------------------------------------------------------------------------

  soon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.cull();
    });
  }

  cull(everything = false) {
    const height = this.scroller.clientHeight;
    const from = (this.scroller.scrollTop - height / 2) / this.zoom + this.top;
    const to = (this.scroller.scrollTop + height * 1.5) / this.zoom + this.top;
    for (const band of this.bands) band.show(everything || (band.bottom >= from && band.top <= to));
  }

  // A drawing wider than its frame begins smaller, but never too small to read.
  fit() {
    const room = this.scroller.clientWidth / Math.max(...this.drawings.map(({ width }) => width));
    if (room < 1) this.setZoom(Math.max(0.7, room));
  }

  setZoom(wanted, pointerY) {
    const zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, wanted));
    const box = this.scroller.getBoundingClientRect();
    const anchor = pointerY === undefined ? box.height / 2 : pointerY - box.top;
    const middle = (this.scroller.scrollTop + anchor) / this.zoom;
    const across = (this.scroller.scrollLeft + box.width / 2) / this.zoom;
    for (const { svg, width, height } of this.drawings) {
      svg.setAttribute("width", width * zoom);
      svg.setAttribute("height", height * zoom);
    }
    this.zoom = zoom;
    this.scroller.scrollTo({ left: across * zoom - box.width / 2, top: middle * zoom - anchor, behavior: "instant" });
    this.cull();
  }

  // The chosen frame --------------------------------------------------------------------------------------------------

  step(by) {
    const count = this.rows.length;
    if (count) this.choose(Math.min(count, Math.max(1, this.chosen + by)));
  }

  nextFault() {
    const after = [...this.rows].filter(row => row.matches(FAULTY)).map(row => +row.dataset.frame);
    if (after.length) this.choose(after.find(number => number > this.chosen) ?? after[0]);
  }

  choose(number) {
    this.arrows.get(this.chosen)?.classList.remove("chosen");
    this.rows[this.chosen - 1]?.classList.remove("chosen");
    const arrow = this.arrows.get(number), row = this.rows[number - 1];
    this.chosen = number;
    arrow.classList.add("chosen");
    row.classList.add("chosen");
    this.bringIntoView(arrow, row);
    this.dissect(number);
  }

  bringIntoView(arrow, row) {
    this.bandOf.get(arrow).show(true);
    const box = arrow.getBBox(), top = (box.y - this.top) * this.zoom, view = this.scroller;
    const hidden = top < view.scrollTop + 40 || top + box.height * this.zoom > view.scrollTop + view.clientHeight;
    if (hidden) view.scrollTop = top - view.clientHeight / 3;
    const list = row.closest(".table"), place = row.getBoundingClientRect().top - list.getBoundingClientRect().top;
    if (place < 40 || place > list.clientHeight - 40) list.scrollTop += place - list.clientHeight / 2;
    this.cull();
  }

  dissect(number) {
    this.frames ??= JSON.parse(this.root.querySelector(".frames").textContent);
    const frame = this.frames[number - 1];
    const told = [`${frame.length} bytes, sent at ${frame.sent}`];
    if (frame.arrived) told.push(`arrived at ${frame.arrived}`);
    const parts = [element("h5", `Frame ${frame.title}`), element("p", told.join(", "))];
    if (frame.fate.length) parts.push(element("p", `Fate: ${frame.fate.join(", ")}`));
    if (frame.fields) parts.push(fieldsTable(frame, bytes => dump.replaceWith(dump = hexdump(frame, bytes))));
    let dump = hexdump(frame);
    parts.push(dump);
    this.panel.replaceChildren(...parts);
  }
}

function fieldsTable(frame, point) {
  const table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const name of ["Field", "Bytes", "Value"]) {
    const cell = element("th", name);
    cell.scope = "col";
    head.append(cell);
  }
  for (const [name, offset, length, value, before] of frame.fields) {
    const row = body.insertRow();
    row.append(element("td", name), element("td", length > 1 ? `${offset}–${offset + length - 1}` : `${offset}`));
    row.append(element("td", before ? `${value} (sent as ${before})` : value));
    if (before) row.className = "changed";
    row.addEventListener("pointerenter", () => point([offset, offset + length]));
    row.addEventListener("pointerleave", () => point());
  }
  return table;
}

function hexdump(frame, [from, to] = [-1, -1]) {
  const dump = element("code", undefined, "bytes");
  const bytes = frame.hex.match(/../g) ?? [], before = frame.before?.match(/../g) ?? bytes;
  for (let offset = 0; offset < bytes.length; offset += 16) {
    dump.append(`${offset.toString(16).padStart(4, "0")}  `);
    const line = bytes.slice(offset, offset + 16);
    line.forEach((byte, place) => {
      const at = offset + place, marked = (at >= from && at < to) || byte !== before[at];
      dump.append(marked ? element("mark", byte) : byte, " ");
    });
    const printable = line.map(byte => parseInt(byte, 16)).map(code => (code >= 32 && code < 127 ? String.fromCharCode(code) : "."));
    dump.append(`${"   ".repeat(16 - line.length)} ${printable.join("")}\n`);
  }
  if (frame.length > bytes.length) dump.append(`… and ${frame.length - bytes.length} bytes more\n`);
  return dump;
}

const plays = new Map();

function wake(root) {
  // A play inside closed details has no size yet; it is woken when it is first seen.
  if (!plays.has(root) && root.querySelector(".scroller").clientHeight) plays.set(root, new Play(root));
}

for (const root of document.querySelectorAll(".play")) {
  wake(root);
  root.closest("details")?.addEventListener("toggle", () => wake(root));
}
for (const details of document.querySelectorAll("details")) {
  details.addEventListener("toggle", () => details.querySelectorAll(".play").forEach(wake));
}
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentNode.querySelector("code").textContent);
    button.textContent = "Copied";
  });
}
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach(details => (details.open = true));
  plays.forEach(play => play.cull(true));
});
addEventListener("afterprint", () => plays.forEach(play => play.cull()));
