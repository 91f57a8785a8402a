// Whether the answers of a model of pairs depend on their sources, and what it says without one.

const SOURCE_FIGURES = {
  "detached outputs": ["Its own answers that are detached", "would be at least as likely for another source"],
  "detached targets": ["True answers that are detached", "the same for what is true: what it could have known"],
  "nats of the source, outputs": ["What the source adds to its own answer, in nats", "log-probability for its source, less that for others"],
  "nats of the source, targets": ["What the source adds to the true answer, in nats", "log-probability for its source, less that for others"],
};

function drawSources(host, s) {
  const shown = s.most_detached.filter((one) => one.detached > 0);
  put(host,
    el("p", { class: "note" }, "All figures of this part are made again by"),
    el("pre", { class: "commands", tabindex: 0, "aria-label": "Command" }, visible(s.command)),
    s.notes.map((note) => el("p", { class: "note" }, visible(note))),
    el("p", { class: "note" }, `The model answered ${plural(s.examples, "held-out source")}. Then ${s.others} other sources, `
      + "of examples with another true answer, were put in place of each. An answer that is as likely for them is detached: "
      + "the model would have said it anyway. A model that never looks at its source has one half, where noise decides, to "
      + "all; looking at it is not yet being right."),
    el("div", { class: "wrapped" }, table(["Figure", "Value"],
      s.figures.filter((f) => f.name in SOURCE_FIGURES).map((f) => [
        [SOURCE_FIGURES[f.name][0], el("span", { class: "aside" }, SOURCE_FIGURES[f.name][1])],
        sourceValue(f)]), "How much the source matters, with 95% intervals over examples")),
    el("h4", {}, "What it says to sources that say nothing"),
    el("p", { class: "note" }, "Of such a source nothing is known, so what is said comes from the model alone. If it is as sure here as "
      + "of held-out examples, its sureness is no sign of having understood. Sureness is the mean probability of a token."),
    el("div", { class: "wrapped", id: "strange-sources" }, table(["Source", "Answered", "Sureness", "Commonest answer"],
      s.strange.map(strangeRow), "Answers by kind of source")),
    el("h4", {}, "The most detached answers"),
    shown.length ? el("ol", { class: "said", id: "most-detached" }, shown.map(detachedCard))
      : el("p", { class: "note" }, "No answer was as likely for any of the sources that were tried."));
}

function sourceValue(f) {
  if (f.value === null) return el("span", { class: "aside reason" }, `undefined: ${visible(f.note)}`);
  const share = f.name.startsWith("detached");
  const shown = share ? percent : (value) => fixed(value, 2);
  return [shown(f.value),
    f.low === null ? null : el("span", { class: "aside" }, `${shown(f.low)} to ${shown(f.high)}`),
    el("span", { class: "aside" }, `${count(f.n)} examples`)];
}

function strangeRow(row) {
  const of = Object.fromEntries(row.figures.map((f) => [f.name, f.value]));
  const head = [visible(capital(row.name)), el("span", { class: "aside" }, visible(row.meaning)),
    row.note ? el("span", { class: "aside" }, `not asked: ${visible(row.note)}`) : null];
  if (!row.figures.length) return [head, "", "", ""];
  return [head, [percent(of.answered), el("span", { class: "aside" }, `of ${count(row.n)}`)],
    [fixed(of.sureness, 3), el("span", { class: "aside" }, plural(Number(of.length.toPrecision(3)), "token"))],
    [percent(row.commonest_share), row.commonest ? el("span", { class: "aside" }, el("bdi", {}, visible(row.commonest))) : null]];
}

function detachedCard(one) {
  const side = (text) => (text ? el("bdi", {}, visible(text)) : el("span", { class: "hint" }, "not in writing"));
  return el("li", {},
    el("p", { class: "marks-of" },
      el("span", { class: "hint" }, `as likely for ${percent(one.detached)} of ${plural(one.others, "other source")}`),
      el("span", { class: "place" }, visible(one.place))),
    terms([["Asked", side(one.source)], ["Answered", side(one.answer)], ["True", side(one.reference)]], "turns"));
}
