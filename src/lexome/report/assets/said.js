// What the model answered to held-out examples, beside what is true.

const LITERAL = ["translation", "speech"];

function drawSaid(host, task) {
  const { examples, note } = task.said;
  const made = examples.some((one) => one.answer.media.length);
  const marked = !made && task.answered === "text";
  put(host,
    el("p", { class: "note" }, visible(note),
      marked ? [" ", el("u", { class: "apart" }, "Words marked like this"), " are not in the reference at that place."] : null),
    made
      ? el("div", { class: "gallery", id: "said" }, examples.map(pictureOf))
      : el("ol", { class: "said", id: "said" }, examples.map((one) => cardOf(one, task, marked))));
}

/** Return a made picture or sound with what it was made from, and what is real beside it. */
function pictureOf(one) {
  return el("figure", { class: "work" },
    one.answer.media.map(shownMedia),
    one.answer.media.length ? null : el("pre", { class: "sample" }, visible(one.answer.text)),
    el("figcaption", {},
      el("span", { class: "asked" }, one.source.media.map(shownMedia), visible(one.source.text)),
      one.judged ? judgement(one) : null,
      one.ended ? null : el("span", { class: "aside" }, "did not end by itself"),
      one.reference.media.length ? el("span", { class: "real" }, one.reference.media.slice(0, 1).map(shownMedia),
        el("span", {}, "the real one")) : null));
}

function judgement(one) {
  if (!one.wanted) return el("span", { class: "aside" }, `taken for: ${visible(one.judged)}`);
  return badge(one.judged === one.wanted, `taken for ${visible(one.judged)}`, `taken for ${visible(one.judged)}, not ${visible(one.wanted)}`);
}

/** Return a mark of right or wrong, told apart by sign, word and line. */
const badge = (right, yes, no) => (right ? sign("right", "✓", yes) : sign("wrong", "✗", no));
const sign = (kind, mark, words) => el("span", { class: `badge ${kind}` },
  el("span", { "aria-hidden": "true" }, `${mark} `), words);

/** Return the mark of an answer; one that says the same in other words is not wrong. */
function equality(one, task) {
  if (one.equal === null) return null;
  if (!LITERAL.includes(task.name)) return badge(one.equal, "right", "wrong");
  return one.equal ? sign("right", "✓", "word for word") : sign("other", "≠", "differs");
}

function cardOf(one, task, marked) {
  const differs = marked && one.equal === false && one.reference.text;
  return el("li", {},
    el("p", { class: "marks-of" },
      equality(one, task),
      one.sure === null ? null : el("span", { class: "hint" }, `${percent(one.sure)} sure`),
      one.ended ? null : el("span", { class: "hint" }, "did not end by itself"),
      el("span", { class: "place" }, visible(one.place))),
    terms([
      ["Asked", shownSide(one.source)],
      ["Answered", differs ? followed(one.answer.text, one.reference.text) : shownSide(one.answer)],
      one.equal ? null : ["True", shownSide(one.reference)],
    ].filter(Boolean), "turns"));
}

function shownSide(side) {
  if (!side.text && !side.media.length) return el("span", { class: "none" }, "nothing");
  return [side.media.map(shownMedia), side.text ? el("bdi", {}, visible(side.text)) : null];
}

/** Return a text in which words are marked that do not follow the reference (Hunt and McIlroy). */
function followed(text, reference) {
  const [mine, other] = [text, reference].map((words) => words.split(/\s+/).filter(Boolean));
  if (!mine.length) return el("span", { class: "none" }, "nothing");
  const common = Array.from({ length: mine.length + 1 }, () => new Array(other.length + 1).fill(0));
  for (let i = mine.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      common[i][j] = mine[i] === other[j] ? common[i + 1][j + 1] + 1
        : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const words = [];
  for (let i = 0, j = 0; i < mine.length;) {
    if (j < other.length && mine[i] === other[j]) {
      words.push(visible(mine[i]), " ");
      i += 1;
      j += 1;
    } else if (j < other.length && common[i][j + 1] >= common[i + 1][j]) j += 1;
    else {
      words.push(el("u", { class: "apart" }, visible(mine[i])), " ");
      i += 1;
    }
  }
  return el("bdi", {}, words);
}
