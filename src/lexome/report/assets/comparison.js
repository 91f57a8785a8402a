// The same task by several methods: a table, score by examples, loss by minutes.

const METHODS = {
  scratch: ["From scratch", "new weights of the same shape"],
  full: ["Full fine-tuning", "all weights of the base move"],
  lora: ["LoRA", "small maps beside those of the base"],
  probe: ["Probe", "the base stays, only what is new is trained"],
};
const methodName = (method) => METHODS[method][0];

function drawComparison(host, comparison) {
  const { contenders, examples, figure: name, better } = comparison;
  const beside = contenders.filter((one) => one.examples === examples);
  const seconds = contenders.flatMap((one) => one.curve.map(([at]) => at));
  const [unit, inUnit] = Math.max(...seconds, 0) > 100 ? ["minutes", 60] : ["seconds", 1];
  const losses = series(beside, (one) => one.curve.map(([at, y]) => ({ x: at / inUnit, y })));
  const scores = series(contenders, (one) => (one.figure === null || one.figure.value === null ? []
    : [{ x: one.examples, y: one.figure.value, low: one.figure.low, high: one.figure.high }]));
  put(host,
    comparison.finding ? el("p", { class: "finding" }, visible(comparison.finding)) : null,
    methodTable(beside, name, better, examples),
    el("div", { class: "pair plots" },
      comparison.sizes === null ? plotFigure("scores-by-examples", scores, {
        title: "Score by number of examples", log: true, xName: "training examples",
        yName: better ? `${visible(name)}, ${WAYS[better]}` : visible(name) })
        : el("figure", { class: "embedding" },
          el("figcaption", {}, el("strong", {}, "Score by number of examples")), missingBox(comparison.sizes)),
      losses.length ? plotFigure("losses-by-time", losses, {
        title: "Validation loss by time", log: false, xName: unit, yName: "loss, nats per token" }) : null),
    comparison.sizes === null ? el("details", {}, el("summary", {}, "Scores by number of examples as a table"),
      sizesTable(contenders, name)) : null);
}

/** Return the points of each method, in the order of the methods. */
function series(contenders, pointsOf) {
  return Object.keys(METHODS)
    .map((method) => ({
      method, points: contenders.filter((one) => one.method === method).flatMap(pointsOf) }))
    .filter(({ points }) => points.length);
}

function methodTable(contenders, name, better, examples) {
  const best = bestOf(contenders.map((one) => one.figure));
  const known = (value, write) => (value === null ? "unknown" : write(value));
  const rows = contenders.map((one) => [
    el("div", {}, keyOf(one.method), methodName(one.method), el("span", { class: "aside" }, METHODS[one.method][1])),
    figureCell(one.figure, one.figure !== null && one.figure === best),
    known(one.seconds, (s) => fixed(s / 60, s < 600 ? 2 : 1)),
    known(one.peak_bytes, inBytes),
    [known(one.trained_parameters, count), one.parameters && one.trained_parameters !== null
      ? el("span", { class: "aside" }, percent(one.trained_parameters / one.parameters)) : null],
  ]);
  const made = table(
    ["Method", `${visible(name || "score")}${better ? `, ${WAYS[better]}` : ""}`, "Minutes", "Peak memory", "Trained parameters"],
    rows, `The same task and ${plural(examples, "training example")}, by method`);
  made.classList.add("wrapped");
  made.id = "methods";
  return made;
}

function sizesTable(contenders, name) {
  const sizes = [...new Set(contenders.map((one) => one.examples))];
  const methods = Object.keys(METHODS).filter((method) => contenders.some((one) => one.method === method));
  return table(["Examples", ...methods.map(methodName)], sizes.map((size) => [count(size),
    ...methods.map((method) => figureCell(
      contenders.find((one) => one.method === method && one.examples === size)?.figure ?? null, false))]), visible(name));
}

/** Return the line and mark of a method, as the plots draw it. */
function keyOf(method) {
  return svg("svg", { class: `method ${method}`, width: 30, height: 12, viewBox: "0 0 30 12", "aria-hidden": "true" },
    svg("path", { d: "M1 6H29" }), mark(method, 15, 6));
}

/** Return a method's own mark at a place: a circle, a square, a triangle or a diamond. */
function mark(method, x, y) {
  if (method === "full") return svg("circle", { cx: x, cy: y, r: 4 });
  const corners = {
    lora: [[-3.6, -3.6], [3.6, -3.6], [3.6, 3.6], [-3.6, 3.6]],
    scratch: [[0, -4.6], [4.4, 3.4], [-4.4, 3.4]],
    probe: [[0, -5], [5, 0], [0, 5], [-5, 0]],
  }[method];
  return svg("polygon", { points: corners.map(([dx, dy]) => `${x + dx},${y + dy}`).join(" ") });
}

function plotFigure(id, lines, options) {
  const plot = el("div", { class: "chart" });
  drawToWidth(plot, (width) => plot.replaceChildren(linePlot(id, lines, options, width)));
  return el("figure", { class: "embedding" },
    el("figcaption", {}, el("strong", {}, options.title),
      el("ul", { class: "legend" }, lines.map(({ method }) => el("li", {}, keyOf(method), methodName(method))))),
    plot);
}

function linePlot(id, lines, { title, log, xName, yName }, width) {
  const height = Math.round(Math.min(Math.max(width * 0.66, 240), 360));
  const box = { left: 52, right: width - 14, top: 28, bottom: height - 42 };
  const all = lines.flatMap(({ points }) => points);
  const xs = all.map((p) => p.x);
  const ys = all.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]);
  const [least, most] = log ? [Math.min(...xs) / 1.15, Math.max(...xs) * 1.15] : [0, Math.max(...xs)];
  const along = (value) => (log ? Math.log(value) : value);
  const room = 0.06 * (Math.max(...ys) - Math.min(...ys) || 1);
  const [bottom, top] = [Math.min(...ys) - room, Math.max(...ys) + room];
  const x = (value) => box.left + (box.right - box.left)
    * (along(value) - along(least)) / (along(most) - along(least) || 1);
  const y = (value) => box.bottom - (box.bottom - box.top) * (value - bottom) / (top - bottom);
  const xMarks = log ? [...new Set(xs)].sort((a, b) => a - b) : ticks(0, most, 5);
  return svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, role: "img", id, "aria-label": `${title}, a line a method`,
  },
  frame({ x, y, box }, xMarks.map((v) => [v, count(v)]), ticks(bottom, top, 5).map((v) => [v, String(v)]), xName, yName),
  lines.map(({ method, points }) => svg("g", { class: `method ${method}` },
    points.filter((p) => p.low !== undefined && p.low !== null).map((p) =>
      svg("line", { class: "spread", x1: x(p.x), x2: x(p.x), y1: y(p.low), y2: y(p.high) })),
    svg("path", { d: `M${points.map((p) => `${x(p.x).toFixed(1)} ${y(p.y).toFixed(1)}`).join("L")}` }),
    points.filter((_, i) => log || points.length < 12 || i === points.length - 1)
      .map((p) => mark(method, x(p.x), y(p.y))))));
}
