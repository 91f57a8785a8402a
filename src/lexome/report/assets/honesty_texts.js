// Texts of the model, each claim in the colour, and with the mark, of what the corpus says to it.

function drawJudgedTexts(host, { known, unknown, elsewhere, texts, note }) {
  put(host,
    el("p", { class: "note" }, "Nobody asks here: the model is given a name and writes on. Every sentence that can be read "
      + "as a fact is held against the training text. Half true is the dangerous case: what is right lends its "
      + "credit to what is not. What is not marked was not read as a claim, and is not judged."),
    verdictLegend([known, unknown]),
    verdictBar(textsTitle("somebody it has read of", known, elsewhere[0]), known),
    unknown.of ? verdictBar(textsTitle("somebody it has never read of", unknown, elsewhere[1]), unknown) : null,
    el("ol", { class: "said judged", id: "judged-texts" }, texts.slice(0, SHOWN_TEXTS).map(judgedCard)),
    texts.length > SHOWN_TEXTS ? el("details", {}, el("summary", {}, `${plural(texts.length - SHOWN_TEXTS, "more text")}`),
      el("ol", { class: "said judged" }, texts.slice(SHOWN_TEXTS).map(judgedCard))) : null,
    el("p", { class: "note" }, visible(note)));
}

const SHOWN_TEXTS = 6;

const textsTitle = (about, group, elsewhere) => `${plural(group.of, "text")} begun with the name of ${about}: ${
  plural(group.n, "claim")}${elsewhere ? `, ${count(elsewhere)} of them about another subject than the text began with` : ""}`;

function judgedCard(text) {
  const claims = text.pieces.filter((one) => one.verdict);
  const drifted = [...new Set(claims.filter((one) => one.verdict === "supported" && one.elsewhere).map((one) => one.subject))];
  const remarks = [
    ...claims.filter((one) => one.verdict !== "supported").map(doubt),
    ...drifted.map((subject) => el("li", {},
      verdictSign("supported", ", but beside the point: "), "what is said of ", el("bdi", {}, visible(subject)),
      ", while the text began with ", el("bdi", {}, visible(text.subject)))),
  ];
  return el("li", {},
    el("p", { class: "marks-of" },
      el("strong", {}, standingWords(text)),
      el("span", { class: "hint" }, `${count(text.supported)} of ${plural(text.claims, "claim")} supported`),
      el("span", { class: "place" }, text.known ? "known subject" : "unknown subject")),
    el("p", { class: "judged-text", dir: "auto" }, text.pieces.map(shownPiece)),
    remarks.length ? el("ul", { class: "doubtful" }, remarks) : null);
}

function standingWords({ claims, supported }) {
  if (!claims) return "Claims nothing";
  if (supported === claims) return "All true";
  return supported ? "Half true" : "Nothing true";
}

function shownPiece(piece) {
  if (!piece.verdict) return visible(piece.text);
  return el("span", { class: `claim ${verdictClass(piece.verdict)}`, title: `${piece.verdict}: ${VERDICT_MEANINGS[piece.verdict]}` },
    visible(piece.text), el("span", { class: "mark", "aria-hidden": "true" }, ` ${VERDICT_MARKS[piece.verdict]}`),
    el("span", { class: "unseen" }, ` (${piece.verdict})`));
}

/** Return what is the matter with a claim that is not supported. */
function doubt(piece) {
  const what = [el("bdi", {}, visible(piece.object)), ", ", el("bdi", {}, visible(piece.relation)), " of ",
    el("bdi", {}, visible(piece.subject))];
  const truth = piece.right.map((one, i) => [i ? ", " : "", el("bdi", {}, visible(one))]);
  if (piece.verdict === "contradicted") {
    return el("li", {}, verdictSign("contradicted", ": "), what,
      truth.length ? ["; the training text says ", truth] : "; the training text has nothing like it");
  }
  return el("li", {}, verdictSign(piece.verdict, ": "), what, "; the training text never names this subject");
}
