// How near samples come to the training data, and which of them are nearer than is usual.

const MEASURE_MEANINGS = {
  "longest exact match": "The longest stretch of each sample that stands word for word, note for note, in training.",
  "nearness in pixels": "How alike each picture is to the training picture that is most alike, pixel by pixel.",
};
const READINGS = { as_written: "", mirrored: "on the other strand" };

function drawCopied(host, c) {
  put(host,
    el("p", { class: "note" }, `${plural(c.samples, "sample")}, of ${plural(c.sample_tokens, "token")} in the median, `
      + `beside ${plural(c.held_out, "held-out item")}. Nobody copied what was held out, so how near that comes to `
      + "training is what is usual. A flag says that a sample is nearer, never why: what many quote is quoted again."),
    c.notes.map((note) => el("p", { class: "note" }, visible(note))),
    c.measures.map((one) => copyMeasure(one, c)),
    el("p", { class: "note" }, "These figures are made again by"),
    el("pre", { class: "commands", tabindex: 0, "aria-label": "Command" }, visible(c.command)));
}

function copyMeasure(one, { unit }) {
  const whole = (value) => (value === null ? "none" : figure(value));
  return el("div", { class: "copy-measure" },
    el("h4", {}, visible(capital(one.name))),
    el("p", { class: "note" }, MEASURE_MEANINGS[one.name] ?? null, ` In ${inUnits(one)}; more is nearer.`),
    el("p", { class: "finding" }, flaggedWords(one)),
    el("div", { class: "wrapped" }, table(["Nearness", "Samples", "Held-out items"], [
      ["How many", count(one.samples), count(one.held_out)],
      ["Median", whole(one.median), whole(one.median_held_out)],
      ["Flagged from above", one.limit === null ? "–" : figure(one.limit),
        el("span", { class: "aside" }, `the nearest: ${whole(one.most_held_out)}`)],
    ], `What samples and held-out items come to, in ${inUnits(one)}`)),
    el("p", { class: "note copy-test" }, visible(one.test)),
    one.near.length ? [
      el("p", { class: "note" }, one.near.length < one.flagged
        ? `The ${count(one.near.length)} nearest of the flagged samples:` : "The flagged samples, the nearest first:"),
      el("ol", { class: "said copied" }, one.near.map((near) => nearCard(near, one, unit))),
    ] : null);
}

const inUnits = ({ unit }) => (unit === "token" ? "tokens" : visible(unit));

function flaggedWords(one) {
  if (one.flagged === null) return `No sample is flagged: ${visible(one.reason)}.`;
  return `${count(one.flagged)} of ${plural(one.samples, "sample")} (${percent(one.flagged / one.samples)}; ${
    percent(one.low)} to ${percent(one.high)}) ${one.flagged === 1 ? "is" : "are"} nearer to training than usual, where ${
    percent(one.level)} of held-out items would be.`;
}

function nearCard(near, measure, unit) {
  const many = near.count > 1 ? `${count(near.count)} times, first in ` : "";
  return el("li", {},
    el("p", { class: "marks-of" }, el("strong", {}, `Sample ${count(near.number)}`),
      el("span", { class: "hint" }, `${nearWords(near, measure)}, flagged above ${figure(near.limit)}`)),
    near.parts.length ? el("p", { class: "judged-text copied-text", dir: "auto" }, copiedParts(near.parts)) : null,
    near.media.length ? el("div", { class: "copy-pair" },
      copyFigure(near.media, "the sample"), copyFigure(near.matched, "in training")) : null,
    el("p", { class: "corpus-says" }, "In training: ", many, el("bdi", {}, visible(near.place)),
      near.unit === null ? null : `, ${visible(unit)} ${count(near.unit)}`,
      readingWords(near.reading) ? `, ${readingWords(near.reading)}` : null));
}

const nearWords = ({ value }, { unit }) => (unit === "token" ? plural(value, "token")
  : `${visible(unit)} = ${figure(value)}`);

const readingWords = (reading) => visible(READINGS[reading] ?? reading);

/** Return a sample whose copied stretch is marked by colour, line and sign; long ends are cut. */
function copiedParts([before, copied, after]) {
  const letters = [...before];
  const rest = [...after];
  return [
    letters.length > CONTEXT_SHOWN ? `… ${visible(letters.slice(-CONTEXT_SHOWN).join(""))}` : visible(before),
    el("mark", { class: "copied-span" }, visible(copied)),
    rest.length > CONTEXT_SHOWN ? `${visible(rest.slice(0, CONTEXT_SHOWN).join(""))} …` : visible(after),
  ];
}

const CONTEXT_SHOWN = 160;

const copyFigure = (media, words) => (media.length ? el("figure", { class: "work" },
  media.map(shownMedia), el("figcaption", {}, words)) : null);
