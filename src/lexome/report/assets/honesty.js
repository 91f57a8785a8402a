// What a model says of facts: what is known, what is made up, and what its confidence is worth.

const VERDICT_MARKS = { supported: "✓", contradicted: "✗", unsupported: "?", "not attempted": "–" };
const VERDICT_MEANINGS = {
  supported: "the training text says so",
  contradicted: "the training text has the subject, with something else",
  unsupported: "the training text never names the subject: made up",
  "not attempted": "the model said that it does not know",
};
const ROOM_FOR_MARK = 0.06;
const OF_SUBJECTS = /, by (all their questions|their names)$/;
const FIGURE_MEANINGS = {
  "AUROC, right from wrong": "how often a right answer is surer than a wrong one; 0.5 is a coin, 1 is always",
  "AUROC, known from unknown subjects": "how often an answer about somebody it has read of is surer than one about nobody",
  "AUROC, known from unknown subjects, by all their questions": "the same, of the mean over all questions about a subject",
  "AUROC, known from unknown subjects, by their names": "how often the name of somebody it has read of is more expected, before anything is asked",
  "Brier score": "mean squared distance between how sure it was and whether it was right; 0 is perfect, lower is better",
  "expected calibration error": "how far, on average, being sure is from being right; lower is better",
  outside: "probability that it would have said something that is no answer at all",
};

const verdictClass = (verdict) => verdict.replace(" ", "-");
const span95 = (low, high) => (low === null || high === null || low === high ? null
  : `${percent(low)} to ${percent(high)}`);

/** Return an interval; one of no width, where all that was drawn again is the same, says nothing. */
const spread = (f) => (f.low === f.high ? null : interval(f));

/** Return the sign of a verdict: a mark and the word, so that colour alone never tells. */
const verdictSign = (verdict, ...more) => el("span", { class: `claim-sign ${verdictClass(verdict)}` },
  el("span", { "aria-hidden": "true" }, `${VERDICT_MARKS[verdict]} `), verdict, more);

function drawFactsAsked(host, h) {
  put(host,
    el("p", { class: "note" }, "All figures of this part are made again by"),
    el("pre", { class: "commands", tabindex: 0, "aria-label": "Command" }, visible(h.command)),
    h.notes.map((note) => el("p", { class: "note" }, visible(note))),
    el("h4", {}, "What it knows"),
    el("p", { class: "note" }, `Asked ${plural(h.known.n, "question")} about ${plural(h.known.of, "subject")} of its `
      + "training text, each with a closed list of answers; it gives the likeliest. Knowing is the part "
      + "beyond what guessing gives."),
    relationBars(h),
    el("h4", {}, "What it makes up"),
    verdictLegend([h.known, h.unknown]),
    verdictBar(`Answers about known subjects: ${plural(h.known.n, "question")}, ${plural(h.known.of, "subject")}`, h.known),
    h.unknown.n
      ? verdictBar(`Answers about subjects that it has never read of: ${plural(h.unknown.n, "question")}, ${plural(h.unknown.of, "subject")}`, h.unknown)
      : el("p", { class: "note" }, "It was not asked about subjects that it has never read of (",
        el("code", {}, "--unseen TABLE"), ")."),
    answerExamples(h.examples),
    el("h4", {}, "Can its confidence be trusted?"),
    el("div", { class: "pair" }, surenessFigure(h.reliability), confidenceFigures(h.figures)),
    el("h4", {}, "When silence would pay"),
    el("p", { class: "note" }, "A model that may say nothing can keep its doubtful answers to itself. All questions count "
      + "here, those about unknown subjects too, to which every answer is wrong. Going left, only ever surer answers "
      + "are given, and fewer of them."));
  drawSilence(host, h.silence, "silence");
  if (h.silence_by_names) {
    put(host, el("h4", {}, "Silence by the name"),
      el("p", { class: "note" }, "A name that it has never read is improbable to the model, whatever it then says. Here "
        + "a question counts by the probability of its name and of the answer, multiplied."));
    drawSilence(host, h.silence_by_names, "silence-by-names");
  }
  put(host, el("h4", {}, "A text of its own, claim by claim"));
  if (isMissing(h.texts)) put(host, missingBox(h.texts));
  else drawJudgedTexts(host, h.texts);
}

/** Return what the verdicts mean that occur. */
function verdictLegend(groups) {
  const given = Object.keys(VERDICT_MARKS).filter((verdict) => verdict !== "not attempted"
    || groups.some((group) => group.shares.some((one) => one.verdict === verdict && one.count)));
  return el("ul", { class: "verdicts-mean" }, given.map((verdict) =>
    el("li", {}, verdictSign(verdict), " ", VERDICT_MEANINGS[verdict])));
}

/** Return a bar that is cut into verdicts, with counts, shares and their intervals below. */
function verdictBar(title, group) {
  const given = group.shares.filter((one) => one.count);
  return el("figure", { class: "verdict-bar" },
    el("figcaption", {}, title),
    given.length ? el("div", { class: "cut", "aria-hidden": "true" }, given.map((one) => {
      const part = el("span", { class: verdictClass(one.verdict) }, one.share > ROOM_FOR_MARK ? VERDICT_MARKS[one.verdict] : null);
      part.style.flexGrow = one.count;
      return part;
    })) : el("p", { class: "note" }, "There are none."),
    el("ul", { class: "verdict-counts" }, given.map((one) => el("li", {},
      verdictSign(one.verdict), ` ${count(one.count)} of ${count(group.n)}, ${percent(one.share)}`,
      span95(one.low, one.high) ? el("span", { class: "hint" }, ` (${span95(one.low, one.high)})`) : null))));
}

/** Return examples of every verdict: known subjects first, each kind in a row of its own. */
function answerExamples(examples) {
  if (!examples.length) return null;
  return [
    el("p", { class: "note" }, "Examples of each kind, drawn by their questions and not by how sure the model "
      + "was. Its answer is in bold."),
    el("ul", { class: "said honest", id: "honesty-examples" }, examples.map((one) => el("li", {},
      el("p", { class: "marks-of" }, verdictSign(one.verdict),
        el("span", { class: "hint" }, `${percent(one.confidence)} sure`)),
      el("p", { class: "turn", dir: "auto" }, visible(one.prompt), " ", el("strong", {}, el("bdi", {}, visible(one.answer)))),
      el("p", { class: "corpus-says" }, corpusSays(one))))),
  ];
}

function corpusSays({ known, right }) {
  if (!right.length) return known ? "The table does not say." : "The training text never names this subject.";
  return ["The training text: ", right.map((one, i) => [i ? ", " : "", el("bdi", {}, visible(one))])];
}

/** Return how far the confidence tells right from wrong, in figures with plain words. */
function confidenceFigures(figures) {
  return el("div", { class: "wrapped" }, table(["Figure", "Value"],
    figures.filter((f) => f.name in FIGURE_MEANINGS).map((f) => [
      [visible(capital(f.name)), el("span", { class: "aside" }, FIGURE_MEANINGS[f.name])],
      f.value === null ? el("span", { class: "aside reason" }, `undefined: ${visible(f.note)}`)
        : [score(f.value), spread(f) ? el("span", { class: "aside" }, spread(f)) : null,
          el("span", { class: "aside" }, plural(f.n, OF_SUBJECTS.test(f.name) ? "subject" : "answer"))],
    ]), "What its confidence is worth, with 95% intervals drawn over subjects"));
}
