// A correction of a skew: what it brought, what it broke, and the price of all that was asked.

const FINE_MARKS = { true: "✓", false: "✗", null: "–" };
const FINE_WORDS = { true: "as wanted", false: "not as wanted", null: "to note" };
const PRICE_KINDS = {
  "held-out text": "Held-out text",
  facts: "Facts that the corpus determines: share known",
  targeted: "Statements about groups that have a target: probability of the answer",
  kept: "Statements about groups that were to stay: probability of the answer",
  untargeted: "Statements about groups without a target: probability of the answer",
};

function drawCompensation(host, c) {
  put(host,
    el("p", { class: "note" }, "All figures of this part are made again by"),
    el("pre", { class: "commands", tabindex: 0, "aria-label": "Command" }, visible(c.command)),
    el("p", { class: "note" }, "A target is what was declared, and no recommendation. What the corpus says of somebody is a fact, "
      + "and what is said of a group is not: the two stand apart, and are never added into one figure."),
    el("ul", { class: "finding", id: "compensation-verdict" }, c.verdict.map((one) => el("li", {},
      el("strong", {}, el("span", { "aria-hidden": "true" }, `${FINE_MARKS[one.fine]} `), `${capital(visible(one.about))}, ${FINE_WORDS[one.fine]}. `),
      el("bdi", {}, visible(one.text))))),
    Object.entries(PRICE_KINDS).map(([kind, title]) => priceTable(c, kind, title)),
    awarenessTable(c));
}

/** Return the rows of one kind; targets and the corpus stand beside statements alone. */
function priceTable(c, kind, title) {
  const rows = c.rows.filter((row) => row.kind === kind);
  if (!rows.length) return null;
  const digits = kind === "held-out text" ? 4 : 3;
  const statements = ["targeted", "kept", "untargeted"].includes(kind);
  const share = (value) => (value === null ? "" : fixed(value, 3));
  const extra = statements ? ["Corpus", ...(kind === "targeted" ? ["Target"] : [])] : [];
  const headings = ["", "n", ...extra, "Before", ...c.forms.map((form) => `After, ${form}`), ...(kind === "targeted" ? ["Overshoot", "Farthest prompt"] : statements ? ["Moved most, one prompt"] : [])];
  return el("div", { class: "wrapped price" }, table(headings, rows.map((row) => [
    el("bdi", {}, visible(row.name)), count(row.n),
    ...(statements ? [share(row.corpus)] : []), ...(kind === "targeted" ? [share(row.target)] : []),
    priced(row.before, digits), ...row.after.map((one) => (one === null ? "" : priced(one, digits))),
    ...(kind === "targeted" ? [share(row.overshoot)] : []), ...(statements ? [share(row.farthest)] : []),
  ]), title));
}

/** Return a figure with its interval under it; one of no width says nothing. */
function priced(f, digits) {
  if (f.value === null) return visible(f.note);
  return [fixed(f.value, digits), f.low === null || f.low === f.high ? null
    : el("span", { class: "aside" }, `${fixed(f.low, digits)} to ${fixed(f.high, digits)}`)];
}

function awarenessTable(c) {
  const headings = ["", "n", "Before", ...c.forms.map((form) => `After, ${form}`)];
  const both = (figures) => figures.map((f) => el("div", {}, `${visible(f.name)} `, priced(f, 2)));
  return el("div", { class: "wrapped", id: "compensation-awareness" }, table(headings, c.awareness.map((one) => [
    el("bdi", {}, visible(one.name)), count(one.comparisons), ...one.figures.map(both)]),
  "Is told apart what differs (DiffAware), and only that (CtxtAware)? 1 is always; two are alike whose probabilities differ by .1 or less"));
}
