// The model beside its corpus: of each group and answer the rate of the one against that of the other.

const GROUP_SHAPES = ["circle", "square", "triangle", "diamond"];
const LABEL_PLACES = [[0, -9], [0, 17], [13, 4], [-13, 4], [12, -8], [-12, -8], [12, 16], [-12, 16]];

function drawGroups(host, g) {
  const pairs = g.questions.flatMap((q) => q.pairs.map((pair) => ({ ...pair, question: q })))
    .map((pair, i) => ({ ...pair, number: i + 1 }));
  const shapes = groupShapes(pairs);
  put(host,
    el("p", { class: "note" }, "All figures of this part are made again by"),
    el("pre", { class: "commands", tabindex: 0, "aria-label": "Command" }, visible(g.command)),
    el("p", { class: "note" }, `Of a closed list of answers the training text gives each group some so often (a group and an answer in `
      + `one ${visible(g.together)}), and the model each with some probability. On the line the model says what its text says. `
      + "This describes the text and what was taken from it: it has no cause in it and no verdict, and no one figure for bias."),
    el("p", { class: "finding", id: "groups-finding" }, slopeWords(g.slope), " ", visible(g.finding)),
    el("div", { class: "beside" }, groupScatter(pairs, shapes), pairTable(pairs)),
    amplificationSpread(g), questionTable(g), tooFew(pairs, g.fewest),
    g.notes.map((note) => el("p", { class: "note" }, el("bdi", {}, visible(note)))));
}

/** Return a shape and a colour for each group of each axis, in the order in which they come. */
function groupShapes(pairs) {
  const found = new Map();
  for (const { question, group } of pairs) {
    const key = JSON.stringify([question.axis, group]);
    if (found.has(key)) continue;
    const place = [...found.values()].filter((one) => one.axis === question.axis).length;
    found.set(key, { axis: question.axis, group, shape: GROUP_SHAPES[place % GROUP_SHAPES.length], colour: place % 2 ? "mark-second" : "mark-first" });
  }
  return { all: [...found.values()], of: (pair) => found.get(JSON.stringify([pair.question.axis, pair.group])) };
}

const slopeWords = (s) => (s.beta === null ? `The slope is undefined: ${visible(s.words)}.`
  : `The slope of logit q on logit p is ${fixed(s.beta, 2)} (95%: ${fixed(s.low, 2)} to ${fixed(s.high, 2)}). In words: ${visible(s.words)}.`);

function groupScatter(pairs, shapes) {
  const plot = el("div", { class: "group-plot" });
  drawToWidth(plot, (width) => plot.replaceChildren(scatterPlot(pairs, shapes, Math.min(width, 520))));
  const several = new Set(shapes.all.map((one) => one.axis)).size > 1;
  return el("figure", { class: "embedding", id: "groups-scatter" },
    el("figcaption", {}, el("strong", {}, "The model against its text"),
      el("span", { class: "hint" }, "numbers are those of the table; bars are 95% intervals")),
    el("ul", { class: "legend" }, shapes.all.map((one) => el("li", {},
      svg("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, marker(one, 7, 7, 5)),
      several ? [el("bdi", {}, visible(one.axis)), ": "] : null, el("bdi", {}, visible(one.group))))),
    plot);
}

function scatterPlot(pairs, shapes, side) {
  const box = { left: 46, right: side - 14, top: 26, bottom: side - 42 };
  const x = (value) => box.left + (box.right - box.left) * value;
  const y = (value) => box.bottom - (box.bottom - box.top) * value;
  const marks = [0, 0.25, 0.5, 0.75, 1].map((v) => [v, `${100 * v}%`]);
  const drawn = pairs.filter((pair) => pair.p !== null);
  return svg("svg", {
    width: side, height: side, viewBox: `0 0 ${side} ${side}`, role: "img",
    "aria-label": "Share of each answer in the model by its share in the training text; the table has the numbers",
  },
  frame({ x, y, box }, marks, marks, "training text p", "model q"),
  svg("line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
  drawn.map((pair) => [
    svg("line", { class: "spread-bar", x1: x(pair.p_low), x2: x(pair.p_high), y1: y(pair.q), y2: y(pair.q) }),
    pair.q_low === null ? null
      : svg("line", { class: "spread-bar", x1: x(pair.p), x2: x(pair.p), y1: y(pair.q_low), y2: y(pair.q_high) })]),
  drawn.map((pair) => svg("g", { class: pair.too_few ? "pair-mark few" : "pair-mark" },
    svg("title", {}, pairWords(pair)), marker(shapes.of(pair), x(pair.p), y(pair.q), 5))),
  pairNumbers(drawn.map((pair) => [pair.number, x(pair.p), y(pair.q)]), box));
}

/** Return a marker: a shape of its own for each group, so that colour alone never tells. */
function marker({ shape, colour }, x, y, r) {
  if (shape === "circle") return svg("circle", { class: colour, cx: x, cy: y, r });
  const corners = {
    square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    triangle: [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]],
    diamond: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
  }[shape];
  return svg("polygon", { class: colour, points: corners.map(([dx, dy]) => `${x + r * dx},${y + r * dy}`).join(" ") });
}

/** Return the numbers of points beside them, where there is room: each is in the table anyway. */
function pairNumbers(points, box) {
  const taken = points.map(([, x, y]) => [x - 5, y - 5, x + 5, y + 5]);
  const labels = svg("g", { class: "pair-numbers", "aria-hidden": "true" });
  for (const [number, x, y] of points) {
    const half = 4 * String(number).length;
    const area = ([dx, dy]) => [x + dx - half, y + dy - 10, x + dx + half, y + dy + 1];
    const free = LABEL_PLACES.find((place) => {
      const own = area(place);
      return own[0] > box.left && own[2] < box.right + 12 && own[1] > 14 && own[3] < box.bottom
        && taken.every((other) => own[2] < other[0] || other[2] < own[0] || own[3] < other[1] || other[3] < own[1]);
    });
    if (!free) continue;
    taken.push(area(free));
    labels.append(svg("text", { x: x + free[0], y: y + free[1], "text-anchor": "middle" }, String(number)));
  }
  return labels;
}

const pairWords = (pair) => `${pair.number}. ${visible(pair.group)}, ${visible(pair.answer)} (${visible(pair.question.name)}): training text ${
  percent(pair.p)} of ${plural(pair.n, "case")}, model ${percent(pair.q)}`;

const signedPoints = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${fixed(Math.abs(100 * value), 1)}`;

function pairTable(pairs) {
  const between = (low, high, shown) => (low === null || high === null || low === high ? null
    : el("span", { class: "aside" }, `${shown(low)} to ${shown(high)}`));
  const shown = table(["Group, answer", "Text p", "Model q", "Amplified"], pairs.map((pair) => [
    [`${pair.number}. `, el("bdi", {}, visible(pair.group)), ", ", el("bdi", {}, visible(pair.answer)),
      el("span", { class: "aside" }, el("bdi", {}, visible(pair.question.name)))],
    pair.p === null ? "no case" : [percent(pair.p), el("span", { class: "aside" }, `of ${count(pair.n)}`),
      between(pair.p_low, pair.p_high, percent)],
    [percent(pair.q), between(pair.q_low, pair.q_high, percent)],
    pair.too_few ? el("span", { class: "aside" }, "too few cases")
      : pair.amplified === null ? el("span", { class: "aside" }, "text as in all groups")
        : [signedPoints(pair.amplified), between(pair.low, pair.high, signedPoints)],
  ]), "Amplified: how many points further q is than p from the rate of all groups together, with 95% intervals");
  for (const [name, value] of [["tabindex", 0], ["role", "region"], ["aria-label", "Groups and answers"]]) shown.setAttribute(name, value);
  return el("div", { class: "pair-table" }, shown);
}

function amplificationSpread(g) {
  if (!g.quantiles.length) return null;
  return el("div", { class: "wrapped", id: "groups-quantiles" }, table(
    ["Of the pairs", ...g.quantiles.map(([at]) => (at === 0.5 ? "half" : `${figure(100 * at)}%`))],
    [["are amplified by less than, points", ...g.quantiles.map(([, value]) => signedPoints(value))]],
    "Amplification as a distribution: in a mean, what is amplified would hide what is weakened"));
}

function questionTable(g) {
  return el("details", { id: "groups-questions" }, el("summary", {}, "The questions, one by one"),
    table(["Question", "Slope", "Says something else"], g.questions.map((q) => [
      [el("bdi", {}, visible(q.name)), el("span", { class: "aside" }, el("bdi", {}, visible(q.prompts[0])),
        q.prompts.length > 1 ? ` and ${plural(q.prompts.length - 1, "prompt")} more` : null),
      el("span", { class: "aside" }, "answers: ", q.answers.map((one, i) => [i ? ", " : "", el("bdi", {}, visible(one))]))],
      q.slope.beta === null ? el("span", { class: "aside" }, visible(q.slope.words))
        : [fixed(q.slope.beta, 2), el("span", { class: "aside" }, `${fixed(q.slope.low, 2)} to ${fixed(q.slope.high, 2)}`),
          el("span", { class: "aside" }, visible(q.slope.words))],
      percent(q.outside),
    ]), "Slopes by question, and the probability that the model would say none of the answers"));
}

function tooFew(pairs, fewest) {
  const few = new Map(pairs.filter((pair) => pair.too_few).map((pair) => [JSON.stringify([pair.question.name, pair.group]), pair]));
  if (!few.size) return null;
  return el("p", { class: "note", id: "groups-few" }, `Too few cases to speak of, fewer than ${fewest}: `, [...few.values()].map((pair, i) => [
    i ? ", " : "", el("bdi", {}, visible(pair.group)), " in ", el("bdi", {}, visible(pair.question.name)), ` (${count(pair.n)})`]), ".");
}
