// Stepping through a prompt: what the model expects at each place, and what stands there.

// The prompt is chosen once for predictions and attention; each part listens.
const chosen = { prompt: 0, listeners: [] };

function choosePrompt(index) {
  chosen.prompt = index;
  chosen.listeners.forEach((listener) => listener(index));
}

/** Return a control that chooses the prompt, or its name where there is only one. */
function promptChooser(id) {
  const all = report.inside.inspections;
  if (all.length === 1) return el("p", { class: "origin" }, visible(all[0].origin));
  const select = el("select", { id, onchange: () => choosePrompt(Number(select.value)) },
    all.map((one, i) => el("option", { value: i }, visible(`${i + 1}. ${one.origin}`))));
  chosen.listeners.push((index) => { select.value = index; });
  return el("label", { class: "chooser", for: id }, el("span", {}, "Excerpt"), select);
}

const LEADS = {
  causal: "Step through an excerpt. At each place the model has read everything before it and says how "
    + "probable each token of its vocabulary is as the next one; these are the ten most probable. "
    + "The deeper a token’s tint, the more probable the model held it.",
  masked: "Step through an excerpt. At each place one token is hidden and the model, which sees all the "
    + "others, says how probable each token of its vocabulary is there; these are the ten most "
    + "probable. The deeper a token’s tint, the more probable the model held it.",
};

function drawPredictions(host, inside) {
  const causal = inside.objective === "causal";
  const strip = el("div", { class: "strip", role: "group", "aria-label": "Tokens of the excerpt" });
  const bars = el("ol", { class: "probabilities", id: "probabilities" });
  const saying = el("p", { class: "saying", "aria-live": "polite", id: "prediction" });
  const shortened = el("p", { class: "note" });
  const state = { at: 0, inspection: null, targets: [], chips: [] };

  const go = (at, focus) => {
    state.at = at;
    const prediction = state.inspection.predictions[at];
    markStrip(state, causal, focus);
    saying.replaceChildren(...sentence(prediction, causal));
    bars.replaceChildren(...barsOf(prediction));
    previous.disabled = at === 0;
    next.disabled = at === state.inspection.predictions.length - 1;
  };
  const button = (id, text, by) => el("button", { type: "button", id, onclick: () => go(state.at + by) }, text);
  const previous = button("previous-token", "← Previous", -1);
  const next = button("next-token", "Next →", 1);
  const load = (index) => {
    state.inspection = inside.inspections[index];
    state.targets = state.inspection.predictions.map((p) => p.position + (causal ? 1 : 0));
    state.chips = chipsOf(state, go);
    strip.replaceChildren(...state.chips);
    const whole = state.inspection.shortened_from;
    shortened.textContent = whole
      ? `The excerpt is the beginning of ${count(whole)} tokens, as much as fits on this page.` : "";
    const answer = state.targets.indexOf(state.inspection.tokens.indexOf(inside.opening) + 1);
    go(inside.opening !== null && answer > 0 ? answer : Math.min(4, state.targets.length - 1));
  };
  const panel = el("div", {
    class: "stepper",
    onkeydown: (event) => arrowKeys(event, state.at, state.targets.length, (at) => go(at, true)),
  }, strip, el("div", { class: "controls" }, previous, next,
    el("span", { class: "hint" }, "or the arrow keys ← →")), saying, bars);
  chosen.listeners.push(load);
  put(host, el("p", { class: "lead" }, LEADS[inside.objective],
    inside.opening === null ? null : [" This model was tuned to predict only what follows ",
      tokenName(inside.opening), ": what it expects before that is left over from its base."]),
    promptChooser("prediction-prompt"), panel, shortened);
  load(chosen.prompt);
}

/** Return a button for each token; those that are predicted can be stepped to. */
function chipsOf(state, go) {
  const { tokens, predictions } = state.inspection;
  const chips = tokens.map((token, place) => {
    const at = state.targets.indexOf(place);
    const chip = el("button", {
      type: "button", class: "chip", tabindex: -1, disabled: at < 0, onclick: () => go(at),
    }, tokenName(token));
    if (at >= 0) chip.style.setProperty("--share", predictions[at].truth_probability ?? 0);
    return chip;
  });
  const end = state.targets.indexOf(tokens.length);
  if (end >= 0) {
    chips.push(el("button", {
      type: "button", class: "chip end", tabindex: -1, onclick: () => go(end),
    }, "what next?"));
  }
  return chips;
}

function markStrip(state, causal, focus) {
  const target = state.targets[state.at];
  state.chips.forEach((chip, place) => {
    const here = place === target;
    chip.classList.toggle("here", here);
    chip.classList.toggle("unread", causal && place > target);
    chip.tabIndex = here ? 0 : -1;
    if (here) chip.setAttribute("aria-current", "true");
    else chip.removeAttribute("aria-current");
    if (here && focus) chip.focus();
  });
}

function sentence(prediction, causal) {
  const [token, share] = prediction.top[0];
  const opening = causal
    ? `After ${plural(prediction.position + 1, "token")} the model expects `
    : `With token ${prediction.position + 1} hidden the model expects `;
  const guess = [opening, tokenName(token), ` (${percent(share)}). `];
  if (prediction.truth === null) return [...guess, "The excerpt ends here."];
  return [...guess, "The truth is ", tokenName(prediction.truth),
    prediction.truth_rank === 1 ? ": right, " : `: rank ${count(prediction.truth_rank)}, `,
    percent(prediction.truth_probability), "."];
}

function barsOf(prediction) {
  const { top, truth } = prediction;
  const rows = top.map(([token, share], i) => barRow(i + 1, token, share, token === truth));
  if (truth !== null && !top.some(([token]) => token === truth)) {
    rows.push(barRow(prediction.truth_rank, truth, prediction.truth_probability, true));
  }
  const rest = Math.max(1 - top.reduce((sum, [, share]) => sum + share, 0), 0);
  rows.push(el("li", { class: "rest" }, `All tokens below rank ${top.length} together: ${percent(rest)}`));
  return rows;
}

function barRow(rank, token, share, isTruth) {
  const bar = el("span", { class: "bar" });
  bar.style.width = `${100 * share}%`;
  return el("li", { class: isTruth ? "truth" : "", "data-token": token },
    el("span", { class: "rank" }, count(rank)), tokenName(token),
    el("span", { class: "track" }, bar),
    el("span", { class: "share" }, percent(share)),
    el("span", { class: "tag" }, isTruth ? "truth" : ""));
}
