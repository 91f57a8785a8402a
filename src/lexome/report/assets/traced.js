// Which spans of a sample stand word for word in training: in colour, and where, on hover or tap.

const SPANS_LISTED = 20;

/** Return a sample whose spans are coloured if it is read, and listed in any case. */
function tracedSample(sample, { unit, shortest }) {
  const { pieces, spans } = sample.trace;
  const said = el("p", { class: "trace-said" }, pieces.some((piece) => piece.span !== null)
    ? "Point at a coloured span, or tap it, to see where it stands in training." : null);
  const marks = [];
  const tell = (number) => {
    marks.forEach(([mark, own]) => mark.classList.toggle("chosen", own === number));
    said.replaceChildren(...put(el("p"), spanWords(spans[number], unit)).childNodes);
  };
  const shown = ({ text, span, prompted }) => {
    const inner = prompted ? el("span", { class: "prompt" }, visible(text)) : visible(text);
    if (span === null) return inner;
    const mark = el("mark", {
      class: `traced${spans[span].rare ? " rare" : ""}`, tabindex: 0, role: "button", title: spanTitle(spans[span], unit),
      onpointerenter: () => tell(span), onclick: () => tell(span), onfocus: () => tell(span),
    }, inner);
    marks.push([mark, span]);
    return mark;
  };
  return el("div", { class: "traced-sample" },
    pieces.length ? el("p", { class: "sample", dir: "auto" }, pieces.map(shown)) : plainSample(sample),
    marks.length ? said : null,
    spans.length ? spanList(sample.trace, unit)
      : el("p", { class: "hint" }, `No span of ${plural(shortest, "token")} or more stands in training.`));
}

function spanList({ spans, covered }, unit) {
  const longest = [...spans].sort((a, b) => b.tokens - a.tokens);
  return el("details", {},
    el("summary", {}, `${plural(spans.length, "span")} of it ${spans.length === 1 ? "stands" : "stand"} in training, with ${
      percent(covered)} of its tokens`),
    el("ol", { class: "trace-spans" }, longest.slice(0, SPANS_LISTED).map((span) =>
      el("li", {}, el("bdi", {}, visible(span.text)), el("span", { class: "where" }, spanPlace(span, unit))))),
    longest.length > SPANS_LISTED
      ? el("p", { class: "hint" }, `The ${SPANS_LISTED} longest are listed; ${count(longest.length - SPANS_LISTED)} more are not.`) : null);
}

const spanWords = (span, unit) => ["“", el("bdi", {}, visible(span.text)), "”: ", spanPlace(span, unit)];

/** Return how long a span is, how often it stands in training, and where first. */
function spanPlace(span, unit) {
  const listed = span.places.map((place, i) => [i ? "; " : "", el("bdi", {}, visible(place))]);
  return [spanCount(span, unit), listed, span.count > span.places.length ? "; …" : ""];
}

const spanTitle = (span, unit) => `${spanCount(span, unit)}${visible(span.places[0] ?? "")}`;

function spanCount(span, unit) {
  const size = span.identity === null ? plural(span.tokens, "token")
    : `${visible(unit)}s ${count(span.first_unit)} to ${count(span.last_unit)}, ${percent(span.identity)} equal`;
  const how = readingWords(span.reading);
  return `${size}, ${how ? `${how}, ` : ""}${span.count === 1 ? "once" : `${count(span.count)} times`} in training: `;
}

/** Return what the colours mean and what they do not, or how to have them. */
function tracedNotes(traced) {
  if (isMissing(traced)) return el("div", { class: "note" }, missingBox(traced));
  const key = (rare, words) => el("li", {}, el("span", { class: `traced${rare ? " rare" : ""}` }, "Coloured like this"), words);
  return [
    el("ul", { class: "trace-key" },
      key(false, `: stands word for word in training, in a span of ${plural(traced.shortest, "token")} or more${
        traced.half === null ? "" : "; half of held-out text stands in shorter ones"}.`),
      traced.most === null ? null : key(true, `: in one of more than ${count(traced.most)}, as 1 token of 20 of held-out text does.`)),
    el("p", { class: "note" }, `This is ${visible(traced.caution)}.`),
    traced.notes.map((note) => el("p", { class: "note" }, visible(note))),
  ];
}
