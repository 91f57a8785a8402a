// The plots of the honesty section: what is known by relation, how sure, and when to be silent.

/** Draw recall by relation as bars with whiskers, chance and the commonest answer as marks. */
function relationBars(h) {
  const all = Object.fromEntries(h.figures.map((f) => [f.name, f]));
  const whole = {
    name: "All of them", questions: h.known.n, recall: all.recall?.value ?? 0, low: all.recall?.low ?? null,
    high: all.recall?.high ?? null, chance: all.chance?.value ?? 0, commonest: all["commonest answer"]?.value ?? 0,
  };
  const at = (node, left, width = null) => {
    node.style.left = `${100 * left}%`;
    if (width !== null) node.style.width = `${100 * width}%`;
    return node;
  };
  const row = (one, ours) => el("tr", { class: ours ? "ours" : "" },
    el("th", { scope: "row" }, el("bdi", {}, visible(one.name))),
    el("td", { class: "track" }, el("div", { class: "lane", title: relationWords(one) },
      at(el("span", { class: "bar" }), 0, one.recall),
      spread(one) === null ? null : at(el("span", { class: "whisker" }), one.low, one.high - one.low),
      at(el("span", { class: "guess chance" }), one.chance),
      at(el("span", { class: "guess commonest" }), one.commonest))),
    el("td", { class: "number" }, score(one.recall), spread(one) ? el("span", { class: "aside" }, spread(one)) : null));
  return [
    el("table", { class: "bars standing", id: "known-bars" },
      el("caption", {}, "Share of the facts that it knows, by relation, from 0 to 1; a whisker is a 95% interval over subjects. ",
        el("span", { class: "guess-key" }, el("span", { class: "guess chance" }), "guessing evenly"), " ",
        el("span", { class: "guess-key" }, el("span", { class: "guess commonest" }), "always the commonest answer")),
      el("thead", { class: "unseen" }, el("tr", {}, ["Relation", "Bar", "Known"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, [whole, ...h.relations].map((one, i) => row(one, i === 0)))),
    el("details", {}, el("summary", {}, "As a table"),
      table(["Relation", "Known", "Guessing", "Commonest", "Questions"], [whole, ...h.relations].map((one) => [
        el("bdi", {}, visible(one.name)), score(one.recall), score(one.chance), score(one.commonest), count(one.questions)]),
      "Shares of right answers")),
  ];
}

const relationWords = (one) => `${visible(one.name)}: knows ${score(one.recall)}, guessing evenly ${
  score(one.chance)}, the commonest answer ${score(one.commonest)}; ${plural(one.questions, "question")}`;

/** Return how often answers about known subjects are right that are about as sure. */
function surenessFigure(bins) {
  const plot = el("div", { class: "reliability" });
  drawToWidth(plot, (width) => plot.replaceChildren(reliabilityPlot(bins, Math.min(width, 420))));
  return el("figure", { class: "embedding", id: "honesty-reliability" },
    el("figcaption", {}, el("strong", {}, "As right as it is sure?"),
      el("span", { class: "hint" }, "known subjects; on the line it is, below it, too sure")), plot,
    el("details", {}, el("summary", {}, "As a table"),
      table(["Sure", "Right", "Answers"], bins.map((b) => [percent(b.confidence), percent(b.accuracy), count(b.n)]),
        "Answers that were about as sure")));
}

/** Draw when silence pays: in words, as a curve, and scored; ids begin with `id`. */
function drawSilence(host, s, id) {
  put(host, el("p", { class: "finding", id: `${id}-finding` }, visible(s.finding)));
  const plot = el("div", { class: "risk" });
  drawToWidth(plot, (width) => plot.replaceChildren(riskPlot(s, width)));
  put(host, el("figure", { class: "embedding risk-coverage", id: `${id}-curve` },
    el("figcaption", {}, el("strong", {}, "Fewer answers, fewer errors?"),
      el("span", { class: "hint" }, `dashed: the ${figure(100 * s.alpha)}% of wrong answers that are to be allowed${
        s.threshold === null ? "" : "; dot: the threshold, tried on the other half"}`)),
    plot), silenceTable(s, `${id}-scores`));
}

/** Draw the share of wrong answers by how many questions are answered, the surest first. */
function riskPlot(s, width) {
  const height = Math.round(Math.min(Math.max(width * 0.5, 220), 340));
  const box = { left: 46, right: width - 14, top: 26, bottom: height - 42 };
  const most = Math.min(Math.max(...s.curve.map(([, risk]) => risk), s.alpha * 2) * 1.08, 1);
  const x = (value) => box.left + (box.right - box.left) * value;
  const y = (value) => box.bottom - (box.bottom - box.top) * Math.min(value, most) / most;
  const kept = s.figures.find((f) => f.name === "answered");
  const wrong = s.figures.find((f) => f.name === "wrong among answered");
  const chosen = s.threshold !== null && kept && kept.value !== null && wrong && wrong.value !== null;
  return svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": "Share of wrong answers by the share of questions answered; the sentence above says what the threshold does",
  },
  frame({ x, y, box }, [0, 0.25, 0.5, 0.75, 1].map((v) => [v, `${100 * v}%`]),
    ticks(0, most, 4).map((v) => [v, `${figure(100 * v)}%`]), "questions answered", "wrong among the answers"),
  svg("line", { class: "diagonal", x1: box.left, x2: box.right, y1: y(s.alpha), y2: y(s.alpha) }),
  svg("path", { class: "smoothed", d: `M${s.curve.map(([share, risk]) => `${x(share).toFixed(1)} ${y(risk).toFixed(1)}`).join("L")}` }),
  chosen ? svg("circle", { class: "chosen-dot", cx: x(kept.value), cy: y(wrong.value), r: 5 }) : null);
}

/** Return what the threshold does on the questions that did not choose it, and what that scores. */
function silenceTable(s, id) {
  if (!s.scores.length) return null;
  const cell = (f) => (f.value === null ? el("span", { class: "aside reason" }, `undefined: ${visible(f.note)}`)
    : [score(f.value), spread(f) ? el("span", { class: "aside" }, spread(f)) : null]);
  const [first] = s.scores;
  return el("div", { class: "wrapped silence-scores", id },
    s.figures.length ? terms(s.figures.map((f) => [capital(visible(f.name)),
      f.value === null ? visible(f.note) : `${percent(f.value)}${
        span95(f.low, f.high) ? ` (${span95(f.low, f.high)})` : ""}, over ${plural(f.n, "question")} of the other half`])) : null,
    table(["A wrong answer costs", "Always answering", "With the threshold"], s.scores.map((one) => [
      [figure(one.target / (1 - one.target)), el("span", { class: "aside" }, `so that answering pays above ${figure(100 * one.target)}%`)],
      cell(one.everything), cell(one.threshold)]),
    `Mean score of ${plural(first.everything.n, "question")} of the other half: a right answer gives 1, silence 0`));
}
