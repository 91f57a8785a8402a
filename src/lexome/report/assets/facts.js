// The parts that are words, numbers and tables.

function drawSummary(host, s) {
  const what = [s.family, s.tuned === null ? s.language : null].filter(Boolean).map(visible);
  const aim = s.tuned === null && { causal: "It predicts the next token.", masked: "It predicts hidden tokens." }[s.objective];
  put(host,
    el("p", { class: "what" }, what.length ? `A ${what.join(" model of ")}${what.length > 1 ? "" : " model"}. ` : "",
      aim ? `${aim} ` : "", s.tuned === null ? "" : `${visible(s.tuned)} `, s.shape ? `${visible(s.shape)}.` : ""),
    terms([
      ["Parameters", inWords(s.parameters)],
      ["Steps", count(s.steps)],
      ["Tokens read", inWords(s.tokens)],
      ["Training time", s.minutes === null ? "unknown" : `${fixed(s.minutes, 1)} min`],
    ], "figures"));
}

function drawCorpus(host, c) {
  const unit = visible(c.unit);
  put(host,
    table(["Side", "Documents", capital(`${unit}s`), "Tokens"], c.sides.map((side) => [
      capital(side.name), documentsOf(side), count(side.units), count(side.tokens)]), "How much of it"),
    terms([
      ["Language", `${visible(c.language)}, counted in ${unit}s`],
      ["Licence", visible(c.licence || "not stated")],
      ["Split", visible(c.split)],
      ["Tokenizer", `${visible(c.tokenizer)}; ${plural(c.vocab_size, "token")}`],
      ...Object.entries(c.fidelity).map(([name, value]) => [
        capital(visible(name)), `${figure(value)}, of held-out documents`]),
      ["Skipped", skippedOf(c.skipped)],
      ["Leaks", leakOf(c.leak, unit)],
      ["Fingerprint", el("code", {}, c.fingerprint)],
    ]),
    el("details", {},
      el("summary", {}, `${plural(c.source_files, "source file")}, ${inBytes(c.source_bytes)}`),
      table(["File", "Size"], c.sources.map((file) => [
        [visible(file.path), el("code", { class: "hash" }, `sha256 ${file.sha256}`)],
        inBytes(file.bytes)]), "Files that were read"),
      c.sources.length < c.source_files
        ? el("p", { class: "note" }, `The first ${count(c.sources.length)} are listed; the manifest has them all.`)
        : null));
}

const documentsOf = (side) => (side.augmented
  ? `${count(side.documents)} (${count(side.augmented)} made by augmentation)` : count(side.documents));

function skippedOf(skipped) {
  if (!skipped.length) return "Nothing was left out.";
  return el("ul", {}, skipped.map((skip) => el("li", {},
    `${visible(skip.reason)}: ${count(skip.count)}`,
    skip.examples.length ? ` (${visible(skip.examples.slice(0, 3).join(", "))}${
      skip.count > Math.min(skip.examples.length, 3) ? ", …" : ""})` : "")));
}

function leakOf(leak, unit) {
  const checked = leak.documents - leak.too_short;
  const short = leak.too_short ? ` ${plural(leak.too_short, "document")} too short to check.` : "";
  if (!checked) return `No validation document was long enough to check.${short}`;
  return `Of ${plural(leak.documents, "validation document")}, ${count(leak.exact)} (${
    percent(leak.exact / leak.documents)}) also stand in the training data word for word, and ${
    count(leak.near)} (${percent(leak.near / leak.documents)}) nearly: at least ${
    percent(leak.threshold)} of their runs of about ${Math.round(leak.ngram_units)} ${unit}s do. `
    + `On average ${percent(leak.mean_containment)} of the runs of a validation document do.${short}`;
}

function drawSamples(host, { samples, traced, note }) {
  const steps = [...new Set(samples.map((sample) => sample.step))];
  const label = el("output", { for: "sample-step", class: "step" });
  const list = el("div", { class: "samples", "aria-live": "polite", id: "sample-texts" });
  const show = (index) => {
    label.textContent = `Step ${count(steps[index])}`;
    slider.setAttribute("aria-valuetext", label.textContent);
    list.replaceChildren(...samples.filter((s) => s.step === steps[index]).map((s) =>
      (s.trace ? tracedSample(s, traced) : plainSample(s))));
  };
  const slider = el("input", {
    type: "range", id: "sample-step", min: 0, max: steps.length - 1, value: steps.length - 1,
    "aria-label": "Step of the training", oninput: () => show(Number(slider.value)),
  });
  put(host,
    el("div", { class: "slider" }, label, steps.length > 1 ? slider : null), list,
    el("p", { class: "note" }, samples.some((s) => s.prompt)
      ? [el("span", { class: "prompt" }, "Marked like this"), " is the prompt; the model wrote the rest. "]
      : "Without a prompt: the model wrote it all. ", visible(note)),
    tracedNotes(traced));
  show(steps.length - 1);
}

const plainSample = (s) => (s.media.length ? el("figure", { class: "work" }, s.media.map(shownMedia))
  : el("p", { class: "sample", dir: "auto" }, el("span", { class: "prompt" }, visible(s.prompt)), visible(s.text)));

const shownMedia = ({ name, media_type: kind, data }) => (kind.startsWith("image/")
  ? el("img", { src: `data:${kind};base64,${data}`, alt: `A sample as a picture: ${visible(name)}` })
  : el("audio", { src: `data:${kind};base64,${data}`, controls: "", preload: "metadata",
    "aria-label": `A sample as sound: ${visible(name)}` }));

/** Draw whole works side by side. */
function drawGallery(host, gallery) {
  // What sounds is drawn along a time axis, which needs room; pictures stand side by side.
  const sounds = gallery.works.some((work) => work.media.some((m) => m.media_type.startsWith("audio/")));
  put(host,
    el("div", { class: sounds ? "gallery wide" : "gallery" }, gallery.works.map((work, i) => el("figure", { class: "work" },
      work.media.map(shownMedia),
      work.media.length ? null : el("pre", { class: "sample" }, visible(work.text)),
      el("figcaption", {}, `Work ${count(i + 1)}`)))),
    el("p", { class: "note" }, visible(gallery.note)));
}

function drawScores(host, s) {
  const most = Math.max(...s.scores.map((score) => score.bits_per_unit));
  const unit = visible(s.unit);
  const row = (score) => {
    const bar = el("span", { class: "bar" });
    bar.style.width = `${100 * score.bits_per_unit / (most || 1)}%`;
    return el("tr", { class: score.is_model ? "ours" : "" },
      el("th", { scope: "row" }, visible(score.name),
        score.note ? el("span", { class: "aside" }, visible(score.note)) : null),
      el("td", { class: "track" }, bar),
      el("td", { class: "number" }, fixed(score.bits_per_unit, 3)));
  };
  put(host,
    s.notes.map((note) => el("p", { class: "note" }, visible(note))),
    el("table", { class: "bars", id: "score-bars" },
      el("caption", {}, `Bits per ${unit} on the split “${visible(s.split)}”; fewer is better`),
      el("thead", { class: "unseen" }, el("tr", {}, ["Who", "Bar", "Bits"].map((name) =>
        el("th", { scope: "col" }, name)))),
      el("tbody", {}, s.scores.map(row))),
    terms([
      ["Counted over", `${plural(s.units, unit)}, ${plural(s.tokens, "token")}`],
      s.nats_per_token === null ? null : ["Loss", `${fixed(s.nats_per_token, 4)} nats per token`],
      s.perplexity_per_unit === null ? null
        : [`Perplexity per ${unit}`, fixed(s.perplexity_per_unit, 3)],
      ...Object.entries(s.measures).map(([name, value]) => [capital(visible(name)), figure(value)]),
      s.kind ? ["Kind", visible(s.kind)] : null,
      s.standard_error === null ? null
        : ["Standard error", `${fixed(s.standard_error, 4)} bits per ${unit}`],
      s.definition ? ["Definition", visible(s.definition)] : null,
    ].filter(Boolean)));
}

function drawLedger(host, ledger) {
  put(host,
    table(["Part", "Weights", "Matrices"], ledger.rows.map((row) => [
      el("div", { class: "part" }, row.name, el("span", { class: "formula" }, row.formula),
        el("span", { class: "formula" }, row.symbols)),
      count(row.weights), count(row.matrices)]),
    "The parameters, by what they are for",
    ["Total of the table", count(ledger.weights), count(ledger.matrices)]),
    el("ul", { class: "note" }, ledger.notes.map((note) => el("li", {}, visible(note)))));
}

function drawReproduction(host, r) {
  put(host,
    el("pre", { class: "commands", tabindex: 0, "aria-label": "Commands" },
      visible(r.commands.join("\n"))),
    el("details", {}, el("summary", {}, "The recipe"), isMissing(r.recipe)
      ? missingBox(r.recipe)
      : el("pre", { tabindex: 0, "aria-label": "Recipe" }, visible(r.recipe))),
    r.facts.length ? el("details", {}, el("summary", {}, "Facts of the run"),
      terms(r.facts.map(([name, value]) => [visible(name), visible(value)]))) : null);
}
