// Making elements and writing numbers. Text only ever becomes text nodes, never markup.

const report = JSON.parse(document.getElementById("report-data").textContent);

/** Return an element; `props` are attributes, `on…` listeners and `class`; children may be text. */
function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** Return an SVG element, made like those of `el`. */
function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return put(node, children);
}

/** Append `children`, nested lists and text among them; `null` stands for nothing. */
function put(node, ...children) {
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

const isMissing = (part) => part !== null && typeof part === "object" && "missing" in part;

/** Return what stands in the place of a part that the run does not have. */
function missingBox(part) {
  return el("div", { class: "missing" },
    el("p", {}, el("strong", {}, part.command ? "Not here yet. " : "Not here. "), visible(part.missing)),
    part.command ? el("p", {}, "To make it: ", el("code", {}, visible(part.command))) : null);
}

const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\p{Cs}]/gu;

/** Return text in which control characters and broken ones show, so that none acts on the page. */
function visible(text) {
  return String(text).replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** Return a token's label, isolated from the direction of the text around it. */
const tokenName = (token) => el("bdi", { class: "token" }, labelOf(token));
const labelOf = (token) => visible(report.inside.labels[token] ?? `#${token}`);

const count = (value) => (value === null ? "unknown" : value.toLocaleString("en-US"));
const fixed = (value, digits) => value.toLocaleString("en-US",
  { minimumFractionDigits: digits, maximumFractionDigits: digits });
const figure = (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
const loss = (value) => (value === null ? "not finite" : fixed(value, 3));

/** Return a share as a percentage that is never rounded to a false 0 or 100. */
function percent(share) {
  if (share === 0 || share === 1) return `${100 * share}%`;
  const value = 100 * share;
  if (value > 0 && value < 0.01) return "< 0.01%";
  if (value > 99.99) return "> 99.99%";
  return `${fixed(value, value < 1 || value > 99 ? 2 : 1)}%`;
}

/** Return a large number in words: 3.2 million. */
function inWords(value) {
  if (value === null) return "unknown";
  for (const [size, word] of [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]]) {
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${word}`;
  }
  return count(value);
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** Return bytes in the largest unit that keeps the figure above 1. */
function inBytes(value) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${unit ? fixed(value, 1) : count(value)} ${units[unit]}`;
}

/** Return a list of terms and what they are. */
function terms(pairs, className = "facts") {
  return el("dl", { class: className }, pairs.map(([term, ...what]) =>
    el("div", {}, el("dt", {}, term), el("dd", {}, what))));
}

/** Return a table; `rows` hold cells, of which the first is the row's heading. */
function table(headings, rows, caption, foot = null) {
  const line = (cells) => el("tr", {}, cells.map((cell, i) =>
    (i ? el("td", { class: "number" }, cell) : el("th", { scope: "row" }, cell))));
  return el("div", { class: "scroll" }, el("table", {},
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, headings.map((heading, i) =>
      el("th", { scope: "col", class: i ? "number" : "" }, heading)))),
    el("tbody", {}, rows.map(line)),
    foot ? el("tfoot", {}, line(foot)) : null));
}

/** Call `draw` with the width of `host`, now and whenever it changes. */
function drawToWidth(host, draw) {
  let width = 0;
  new ResizeObserver(() => {
    if (host.clientWidth && host.clientWidth !== width) draw(width = host.clientWidth);
  }).observe(host);
}

/** Move the focus in a row of choices with the arrow keys; `choose(index)` selects one. */
function arrowKeys(event, index, size, choose, columns = 0) {
  const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -index, End: size - 1 - index };
  if (columns) Object.assign(moves, { ArrowUp: -columns, ArrowDown: columns });
  const wanted = index + moves[event.key];
  if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (wanted >= 0 && wanted < size) choose(wanted);
}
