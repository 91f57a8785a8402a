// The loss curves: training as a band of extremes, a running mean, validation and baselines.

const X_TICKS = 6;
const Y_TICKS = 5;

function drawTraining(host, training) {
  const chart = el("div", { class: "chart" });
  const readout = el("dl", { class: "readout", id: "loss-readout" });
  const state = { log: false, at: Math.max(training.train.length - 1, 0) };
  const toggle = el("button", {
    type: "button", "aria-pressed": "false", id: "log-steps",
    onclick: () => {
      state.log = !state.log;
      toggle.setAttribute("aria-pressed", state.log);
      redraw(chart.clientWidth);
    },
  }, "Logarithmic steps");
  const names = el("p", { class: "note" },
    `Baselines: ${training.levels.map(levelName).join(", ")}.`);
  const redraw = (width) => {
    names.hidden = hasRoom(width) || !training.levels.length;
    chart.replaceChildren(lossChart(training, state, width, readout));
  };
  put(host,
    el("div", { class: "controls" }, legend(training), toggle), chart, readout, names,
    training.notes.map((note) => el("p", { class: "note" }, visible(note))),
    outsideNote(training), validationTable(training));
  drawToWidth(chart, redraw);
}

function legend(training) {
  const item = (kind, text) => el("li", {}, el("span", { class: `key ${kind}` }), text);
  return el("ul", { class: "legend" },
    item("band", "training, least to greatest"),
    item("smoothed", "training, running mean"),
    training.validation.length ? item("validation", "validation") : null,
    training.levels.length ? item("level", "baselines") : null);
}

/** Return the range of the y axis: a lone spike may leave the picture, and is then named. */
function lossRange({ train, validation, levels }) {
  const held = [...validation.map((p) => p.loss), ...levels.map((l) => l.nats_per_token)];
  const firm = [...held, ...train.map((p) => p.smoothed)].filter((v) => v !== null);
  const all = [...firm, ...train.flatMap((p) => [p.low, p.high])].filter((v) => v !== null);
  if (!all.length) return [0, 1];
  const top = Math.min(Math.max(...all), 1.25 * Math.max(...firm));
  const bottom = Math.min(...all);
  const room = 0.05 * (top - bottom || 1);
  return [Math.max(bottom - room, Math.min(bottom, 0)), top + room];
}

function outsideNote(training) {
  const [, top] = lossRange(training);
  const worst = training.train.reduce((a, b) => ((b.high ?? 0) > (a?.high ?? 0) ? b : a), null);
  if (!worst || (worst.high ?? 0) <= top) return null;
  return el("p", { class: "note" },
    `Above the picture: the greatest training loss is ${loss(worst.high)}, `
    + `in the steps up to ${count(worst.step)}.`);
}

function validationTable({ validation }) {
  if (!validation.length) return null;
  return el("details", {}, el("summary", {}, "Validation losses as a table"),
    table(["Step", "Nats per token"],
      validation.map((p) => [count(p.step), p.loss === null ? "not finite" : fixed(p.loss, 4)]),
      "Loss on the held-out data"));
}

function ticks(low, high, wanted) {
  const rough = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const values = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); i += 1) {
    values.push(Number((i * step).toPrecision(12)));
  }
  return values;
}

function logTicks(low, high, width) {
  const values = [];
  const factors = width > 480 ? [1, 2, 5] : [1];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    values.push(...factors.map((f) => f * power).filter((v) => v >= low && v <= high));
  }
  return values;
}

function lossChart(training, state, width, readout) {
  const { train, validation, levels } = training;
  const height = Math.round(Math.min(Math.max(width * 0.46, 240), 420));
  const margin = hasRoom(width) ? 24 + 7 * Math.max(0, ...levels.map((l) => shortName(l).length)) : 12;
  const box = { left: 46, right: width - margin, top: 30, bottom: height - 40 };
  const all = [...train, ...validation].map((p) => p.step);
  const [first, last] = [Math.max(Math.min(...all), 1), Math.max(...all, 2)];
  const [bottom, top] = lossRange(training);
  const [from, to] = state.log ? [Math.log(first), Math.log(last)] : [0, last];
  const x = (step) => box.left + (box.right - box.left)
    * ((state.log ? Math.log(Math.max(step, 1)) : step) - from) / (to - from || 1);
  const y = (value) => box.bottom - (box.bottom - box.top) * (value - bottom) / (top - bottom);
  const scale = { x, y, box };
  const stepTicks = state.log ? logTicks(first, last, width) : ticks(0, last, width > 480 ? X_TICKS : 3);
  const plot = svg("g", { "clip-path": "url(#loss-clip)" },
    svg("path", { class: "band", d: bandPath(train, scale) }),
    svg("path", { class: "raw", d: linePath(train, "loss", scale) }),
    svg("path", { class: "smoothed", d: linePath(train, "smoothed", scale) }),
    svg("path", { class: "validation", d: linePath(validation, "loss", scale) }),
    validation.filter((p) => p.loss !== null).map((p) =>
      svg("circle", { class: "validation-dot", cx: x(p.step), cy: y(p.loss), r: 3 })));
  const cursor = svg("g", { class: "cursor" });
  const root = svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "slider", id: "loss-chart",
    "aria-label": "Loss by step; arrow keys move along the curve",
    "aria-valuemin": 0, "aria-valuemax": Math.max(train.length - 1, 0),
  },
  svg("clipPath", { id: "loss-clip" }, svg("rect", {
    x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top })),
  axes(scale, stepTicks, ticks(bottom, top, Y_TICKS)),
  levelLines(levels, scale, hasRoom(width)), plot, cursor);
  const move = (index) => {
    state.at = index;
    markPoint(cursor, training, index, scale);
    const said = describePoint(training, index);
    readout.replaceChildren(...said.map(([term, what]) =>
      el("div", {}, el("dt", {}, term), el("dd", {}, what))));
    root.setAttribute("aria-valuenow", index);
    root.setAttribute("aria-valuetext", said.map((pair) => pair.join(" ")).join(", "));
  };
  if (train.length) {
    root.addEventListener("pointermove", (event) => move(
      nearest(train, (p) => Math.abs(x(p.step) - (event.clientX - root.getBoundingClientRect().left)))));
    root.addEventListener("keydown", (event) => arrowKeys(event, state.at, train.length, move));
    move(state.at);
  }
  return root;
}

function nearest(items, distance) {
  let best = 0;
  items.forEach((item, i) => { if (distance(item) < distance(items[best])) best = i; });
  return best;
}

function axes({ x, y, box }, xTicks, yTicks) {
  return svg("g", { class: "axes", "aria-hidden": "true" },
    yTicks.map((value) => [
      svg("line", { class: "grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }),
      svg("text", { x: box.left - 8, y: y(value) + 4, "text-anchor": "end" }, String(value))]),
    xTicks.map((value) => svg("text",
      { x: Math.min(x(value), box.right - 12), y: box.bottom + 18, "text-anchor": "middle" },
      count(value))),
    svg("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    svg("text", { class: "axis-name", x: box.right, y: box.bottom + 35, "text-anchor": "end" }, "step"),
    svg("text", { class: "axis-name", x: 0, y: 14 }, "loss, nats per token"));
}

const LONGEST_NAME = 24;

/** Return a baseline's name as the chart has room for it; the scores have it whole. */
const shortName = ({ name, ...level }) => levelName(
  { ...level, name: name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name });
const levelName = (level) => `${visible(level.name)} ${loss(level.nats_per_token)}`;

/** Return whether the baselines can be named beside their lines; elsewhere a note names them. */
const hasRoom = (width) => width > 640;

/** Draw the baselines; names that would touch move up. */
function levelLines(levels, { y, box }, named) {
  let free = Infinity;
  const sorted = [...levels].sort((a, b) => a.nats_per_token - b.nats_per_token);
  return svg("g", { class: "levels" }, sorted.map((level) => {
    const at = y(level.nats_per_token);
    free = Math.min(at + 4, free - 15);
    return [
      svg("line", { x1: box.left, x2: box.right, y1: at, y2: at }),
      named ? svg("text", { x: box.right + 8, y: free }, shortName(level)) : null];
  }));
}

function linePath(points, key, { x, y }) {
  let pen = "M";
  return points.map((p) => {
    if (p[key] === null) { pen = "M"; return ""; }
    const part = `${pen}${x(p.step).toFixed(1)} ${y(p[key]).toFixed(1)}`;
    pen = "L";
    return part;
  }).join("");
}

function bandPath(points, { x, y }) {
  const runs = [[]];
  for (const p of points) {
    if (p.low === null) runs.push([]);
    else runs[runs.length - 1].push(p);
  }
  const corner = (p, key) => `${x(p.step).toFixed(1)} ${y(p[key]).toFixed(1)}`;
  return runs.filter((run) => run.length > 1).map((run) => `M${
    [...run.map((p) => corner(p, "high")), ...run.toReversed().map((p) => corner(p, "low"))].join("L")
  }Z`).join("");
}

function markPoint(cursor, { train, validation }, index, { x, y, box }) {
  const point = train[index];
  const held = latest(validation, point.step);
  const dot = (kind, step, value) => (value === null || value === undefined ? null
    : svg("circle", { class: kind, cx: x(step), cy: Math.max(y(value), box.top), r: 4 }));
  cursor.replaceChildren(...[
    svg("line", { x1: x(point.step), x2: x(point.step), y1: box.top, y2: box.bottom }),
    dot("smoothed-dot", point.step, point.smoothed),
    held ? dot("validation-dot", held.step, held.loss) : null].filter(Boolean));
}

const latest = (validation, step) => validation.findLast((p) => p.step <= step);

function describePoint({ train, validation }, index) {
  const p = train[index];
  const held = latest(validation, p.step);
  const said = [["Step", p.steps > 1 ? `${count(p.step - p.steps + 1)}–${count(p.step)}` : count(p.step)]];
  if (p.tokens !== null) said.push(["Tokens read", inWords(p.tokens)]);
  said.push(["Training", p.steps > 1 && p.low !== null
    ? `${loss(p.loss)} (${loss(p.low)}–${loss(p.high)})` : loss(p.loss)]);
  if (p.smoothed !== null) said.push(["Running mean", loss(p.smoothed)]);
  if (held) said.push([`Validation, step ${count(held.step)}`, loss(held.loss)]);
  if (p.learning_rate !== null) said.push(["Learning rate", `${Number(p.learning_rate.toPrecision(3))}`]);
  if (p.tokens_per_second !== null) said.push(["Tokens a second", count(Math.round(p.tokens_per_second))]);
  return said;
}
