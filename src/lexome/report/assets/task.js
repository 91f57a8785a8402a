// A tuned run: how it stands beside baselines, what it confuses, whether it is as right as sure.

const WAYS = { higher: "higher is better", lower: "lower is better", "": "" };
const SHOWN_FIGURES = 12;
const SHOWN_CLASSES = 24;
const SHOWN_CONFUSIONS = 30;

/** Write a figure with as many decimals as one reads. */
const score = (value) => fixed(value, Math.abs(value) >= 10 ? 1 : 3);
const interval = (f) => (f.low === null || f.high === null ? null : `${score(f.low)} to ${score(f.high)}`);

function drawTask(host, task) {
  const pictures = [confusionFigure(task.confusion), reliabilityFigure(task.reliability)].filter(Boolean);
  put(host,
    task.summary ? el("p", { class: "aim" }, `To ${visible(task.summary)}`,
      task.asked ? `: ${visible(task.asked)} → ${visible(task.answered)}.` : ".") : null,
    task.first ? standingBars(task) : null,
    task.notes.map((note) => el("p", { class: "note" }, visible(note))),
    figureTables(task),
    el("h3", {}, "What tuning is worth"));
  if (isMissing(task.comparison)) put(host, missingBox(task.comparison));
  else drawComparison(host, task.comparison);
  if (pictures.length) {
    put(host, el("h3", {}, "Where it errs, and whether it knows"), el("div", { class: "pair" }, pictures));
  }
  put(host, el("h3", {}, "What it answers"));
  if (isMissing(task.said)) put(host, missingBox(task.said));
  else drawSaid(host, task);
  put(host, terms([
    ["Asked", `${plural(task.examples, "example")}, split “${visible(task.split)}”`],
    ["Learned from", plural(task.training_examples, "example")],
    task.settings.length ? ["Answers written with",
      task.settings.map(([name, value]) => visible(`${name.replaceAll("_", " ")} ${value}`)).join(", ")] : null,
  ].filter(Boolean)));
}

/** Draw the first figure of everybody as bars with whiskers, the best at the top. */
function standingBars(task) {
  const rows = task.standings.map((one) => [one, one.figures.find((f) => f.name === task.first)])
    .filter(([, f]) => f !== undefined && f.value !== null);
  const ends = rows.flatMap(([, f]) => [f.value, f.low ?? f.value, f.high ?? f.value, 0]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const share = (value) => 100 * (value - low) / (high - low || 1);
  const way = WAYS[rows[0][1].better];
  const row = ([one, f]) => {
    const bar = el("span", { class: "bar" });
    bar.style.left = `${share(Math.min(f.value, 0))}%`;
    bar.style.width = `${share(Math.max(f.value, 0)) - share(Math.min(f.value, 0))}%`;
    const whisker = interval(f) ? el("span", { class: "whisker" }) : null;
    if (whisker) {
      whisker.style.left = `${share(f.low)}%`;
      whisker.style.width = `${share(f.high) - share(f.low)}%`;
    }
    return el("tr", { class: one.is_model ? "ours" : "" },
      el("th", { scope: "row" }, visible(one.name),
        one.note ? el("span", { class: "aside" }, visible(one.note)) : null),
      el("td", { class: "track" }, el("div", { class: "lane" }, bar, whisker)),
      el("td", { class: "number" }, score(f.value),
        interval(f) ? el("span", { class: "aside" }, interval(f)) : null));
  };
  return el("table", { class: "bars standing", id: "task-bars" },
    el("caption", {}, `${visible(capital(task.first))} on ${plural(task.examples, "held-out example")}${
      way ? `; ${way}` : ""}`, task.meaning ? el("span", { class: "aside" }, visible(task.meaning)) : null),
    el("thead", { class: "unseen" }, el("tr", {}, ["Who", "Bar", "Figure"].map((name) =>
      el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map(row)));
}

/** Return all figures of everybody as a table; the ones beyond the first are folded away. */
function figureTables(task) {
  const who = [...task.standings].sort((a, b) => b.is_model - a.is_model);
  const names = who[0].figures.map((f) => f.name);
  const parts = [];
  if (names.length) parts.push(figureTable(who, names.slice(0, SHOWN_FIGURES), "All figures, with their 95% intervals"));
  if (names.length > SHOWN_FIGURES) {
    parts.push(el("details", {}, el("summary", {}, `${count(names.length - SHOWN_FIGURES)} more figures`),
      figureTable(who, names.slice(SHOWN_FIGURES), "More figures")));
  }
  if (task.diagnostics.length) {
    parts.push(el("details", {}, el("summary", {}, "Diagnostics"),
      figureTable([{ name: who[0].name, figures: task.diagnostics }],
        task.diagnostics.map((f) => f.name), "What the answers are like")));
  }
  return parts;
}

function figureTable(who, names, caption) {
  const rows = names.map((name) => {
    const found = who.map((one) => one.figures.find((f) => f.name === name) ?? null);
    const best = bestOf(found);
    const why = [WAYS[found[0].better], found[0].note].filter(Boolean).join("; ");
    return [
      [visible(name), why ? el("span", { class: "aside" }, visible(why)) : null],
      ...found.map((f) => figureCell(f, f !== null && f === best)),
    ];
  });
  const made = table(["Figure", ...who.map((one) => visible(one.name))], rows, caption);
  made.classList.add("wrapped");
  return made;
}

/** Return the best of figures of one name; of equals none is. */
function bestOf(figures) {
  const known = figures.filter((f) => f !== null && f.value !== null);
  if (known.length < 2 || !known[0].better) return null;
  const values = known.map((f) => f.value);
  const most = known[0].better === "higher" ? Math.max(...values) : Math.min(...values);
  const first = known.filter((f) => f.value === most);
  return first.length === 1 ? first[0] : null;
}

function figureCell(f, best) {
  if (f === null || f.value === null) return el("span", { class: "none" }, "–");
  return [el(best ? "strong" : "span", {}, score(f.value)),
    interval(f) ? el("span", { class: "aside" }, interval(f)) : null];
}

/** Return how often each class was taken for each: a matrix, or of many classes the commonest. */
function confusionFigure(confusion) {
  if (confusion === null) return null;
  const { classes, counts } = confusion;
  const caption = el("figcaption", {}, el("strong", {}, "What is taken for what"),
    el("span", { class: "hint" }, "rows are true, columns are answers"));
  const body = classes.length > SHOWN_CLASSES ? confusionList(classes, counts) : confusionMatrix(classes, counts);
  return el("figure", { class: "confusion", id: "confusion" }, caption, body);
}

function confusionMatrix(classes, counts) {
  const cell = (row, i) => (value, j) => {
    const total = row.reduce((a, b) => a + b, 0);
    const made = el("td", {
      class: i === j ? "right" : "", title: `${visible(classes[i])} answered as ${visible(classes[j])}: ${
        count(value)} of ${count(total)}`,
    }, count(value));
    made.style.setProperty("--share", total ? value / total : 0);
    return made;
  };
  return el("div", { class: "scroll" }, el("table", { class: "matrix" },
    el("thead", {}, el("tr", {}, el("td", {}), classes.map((name) => el("th", { scope: "col" }, visible(name))))),
    el("tbody", {}, counts.map((row, i) => el("tr", {},
      el("th", { scope: "row" }, visible(classes[i])), row.map(cell(row, i)))))));
}

function confusionList(classes, counts) {
  const wrong = counts.flatMap((row, i) => row.map((value, j) => [i, j, value]))
    .filter(([i, j, value]) => i !== j && value).sort((a, b) => b[2] - a[2]);
  return table(["True → answered", "Times"], wrong.slice(0, SHOWN_CONFUSIONS).map(([i, j, value]) => [
    `${visible(classes[i])} → ${visible(classes[j])}`, count(value)]),
  `The commonest of ${plural(wrong.length, "confusion")} among ${count(classes.length)} classes`);
}

/** Return how often answers are right that are about as sure; on the diagonal it is as often. */
function reliabilityFigure(bins) {
  if (!bins.length) return null;
  const plot = el("div", { class: "reliability" });
  drawToWidth(plot, (width) => plot.replaceChildren(reliabilityPlot(bins, Math.min(width, 420))));
  return el("figure", { class: "embedding", id: "reliability" },
    el("figcaption", {}, el("strong", {}, "As right as it is sure?"),
      el("span", { class: "hint" }, "on the line it is; below it, too sure")), plot,
    el("details", {}, el("summary", {}, "As a table"),
      table(["Sure", "Right", "Answers"], bins.map((b) => [
        percent(b.confidence), percent(b.accuracy), count(b.n)]), "Answers that were about as sure")));
}

function reliabilityPlot(bins, side) {
  const box = { left: 46, right: side - 12, top: 26, bottom: side - 42 };
  const x = (value) => box.left + (box.right - box.left) * value;
  const y = (value) => box.bottom - (box.bottom - box.top) * value;
  const marks = [0, 0.25, 0.5, 0.75, 1];
  const most = Math.max(...bins.map((b) => b.n));
  return svg("svg", {
    width: side, height: side, viewBox: `0 0 ${side} ${side}`, role: "img",
    "aria-label": "Share of right answers by how sure the model was; the table below has the numbers",
  },
  frame({ x, y, box }, marks.map((v) => [v, `${100 * v}%`]), marks.map((v) => [v, `${100 * v}%`]),
    "how sure it was", "how often it was right"),
  svg("line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
  svg("path", { class: "smoothed", d: `M${bins.map((b) => `${x(b.confidence)} ${y(b.accuracy)}`).join("L")}` }),
  bins.map((b) => svg("circle", {
    class: "smoothed-dot", cx: x(b.confidence), cy: y(b.accuracy), r: 2.5 + 3 * Math.sqrt(b.n / most) })));
}

/** Return the axes of a plot: `xMarks` and `yMarks` are values with what is written at them. */
function frame({ x, y, box }, xMarks, yMarks, xName, yName) {
  return svg("g", { class: "axes", "aria-hidden": "true" },
    yMarks.map(([value, text]) => [
      svg("line", { class: "grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }),
      svg("text", { x: box.left - 8, y: y(value) + 4, "text-anchor": "end" }, text)]),
    xMarks.map(([value, text]) => svg("text",
      { x: Math.min(x(value), box.right - 6), y: box.bottom + 18, "text-anchor": "middle" }, text)),
    svg("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    svg("text", { class: "axis-name", x: box.right, y: box.bottom + 36, "text-anchor": "end" }, xName),
    svg("text", { class: "axis-name", x: 0, y: 12 }, yName));
}
