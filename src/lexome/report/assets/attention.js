// Attention maps: a small one for each head, a large one to read, a row of tokens for one look.

const FULL = 65535;

/** Return the probabilities [layers, heads, length, length] as numbers from 0 to 65535. */
function decodeAttention({ values }) {
  const bytes = Uint8Array.from(atob(values), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
}

function drawAttention(host, inside) {
  const state = { head: 0, row: 0, column: 0, maps: null, attention: null, tokens: [] };
  const grid = el("div", { class: "heads", role: "radiogroup", "aria-label": "Layer and head" });
  const large = el("canvas", {});
  const cross = { row: el("span", { class: "cross-row" }), column: el("span", { class: "cross-column" }) };
  const frame = el("div", {
    class: "map", tabindex: 0, role: "application", id: "attention-map",
    "aria-label": "Attention map; arrow keys move the cell", "aria-describedby": "attention-said",
  }, large, cross.row, cross.column);
  const title = el("h3", { id: "attention-head" });
  const said = el("p", { class: "saying", id: "attention-said", "aria-live": "polite" });
  const strip = el("div", { class: "strip", role: "group", "aria-label": "What the token looks at" });
  const parts = { grid, large, cross, frame, title, said, strip };

  frame.addEventListener("pointermove", (event) => {
    const area = large.getBoundingClientRect();
    const place = (at, start, size) => Math.min(Math.max(
      Math.floor((at - start) / size * state.attention.length), 0), state.attention.length - 1);
    lookFrom(state, parts, place(event.clientY, area.top, area.height),
      place(event.clientX, area.left, area.width));
  });
  frame.addEventListener("keydown", (event) => {
    const length = state.attention.length;
    arrowKeys(event, state.row * length + state.column, length * length, (at) => {
      lookFrom(state, parts, Math.floor(at / length), at % length);
    }, length);
  });
  const load = (index) => {
    const { attention, tokens } = inside.inspections[index];
    Object.assign(state, { attention, tokens, maps: decodeAttention(attention) });
    grid.replaceChildren(...headButtons(state, parts));
    strip.replaceChildren(...tokens.map((token, place) => el("button", {
      type: "button", class: "chip", onclick: () => lookFrom(state, parts, place, bestKey(state, place)),
    }, tokenName(token))));
    chooseHead(state, parts, Math.min(state.head, attention.layers * attention.heads - 1));
    const row = Math.min(Math.max(Math.floor(tokens.length / 2), 1), tokens.length - 1);
    lookFrom(state, parts, row, bestKey(state, row));
  };
  chosen.listeners.push(load);
  put(host, promptChooser("attention-prompt"),
    el("div", { class: "attention" },
      el("div", { class: "scroll" }, grid),
      el("div", { class: "enlarged" }, title, frame, said)),
    el("p", { class: "note" }, "In the maps the shade is the square root of the probability, so that "
      + "faint ties show. Below, the excerpt: the deeper the tint, the more the chosen token looks "
      + "there. Click a token to see through its eyes."), strip);
  load(chosen.prompt);
}

function headButtons(state, parts) {
  const { layers, heads } = state.attention;
  parts.grid.style.setProperty("--heads", heads);
  const cells = [el("span", {}), ...Array.from({ length: heads }, (_, head) =>
    el("span", { class: "head-name", "aria-hidden": "true" }, head + 1))];
  for (let layer = 0; layer < layers; layer += 1) {
    cells.push(el("span", { class: "head-name", "aria-hidden": "true" }, layer + 1));
    for (let head = 0; head < heads; head += 1) {
      const index = layer * heads + head;
      const canvas = el("canvas", {});
      paint(canvas, state, index);
      cells.push(el("button", {
        type: "button", role: "radio", tabindex: -1, "data-head": index,
        "aria-label": `Layer ${layer + 1}, head ${head + 1}`,
        onclick: () => chooseHead(state, parts, index),
        onkeydown: (event) => arrowKeys(event, index, layers * heads, (wanted) => {
          chooseHead(state, parts, wanted);
          parts.grid.querySelector(`[data-head="${wanted}"]`).focus();
        }, heads),
      }, canvas));
    }
  }
  return cells;
}

/** Paint one head: opacity is the square root of the probability, so any theme shows through. */
function paint(canvas, { maps, attention }, head) {
  const { length } = attention;
  canvas.width = length;
  canvas.height = length;
  const context = canvas.getContext("2d");
  const image = context.createImageData(length, length);
  const start = head * length * length;
  for (let i = 0; i < length * length; i += 1) {
    image.data.set([62, 128, 226, Math.round(255 * Math.sqrt(maps[start + i] / FULL))], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

const share = ({ maps, attention, head }, row, column) =>
  maps[(head * attention.length + row) * attention.length + column] / FULL;

function bestKey(state, row) {
  let best = 0;
  for (let column = 1; column < state.attention.length; column += 1) {
    if (share(state, row, column) > share(state, row, best)) best = column;
  }
  return best;
}

function chooseHead(state, parts, head) {
  state.head = head;
  const { heads } = state.attention;
  paint(parts.large, state, head);
  parts.title.textContent = `Layer ${Math.floor(head / heads) + 1}, head ${head % heads + 1}`;
  for (const button of parts.grid.querySelectorAll("button")) {
    const here = Number(button.dataset.head) === head;
    button.setAttribute("aria-checked", here);
    button.tabIndex = here ? 0 : -1;
  }
  lookFrom(state, parts, Math.min(state.row, state.attention.length - 1),
    Math.min(state.column, state.attention.length - 1));
}

/** Show how the token of `row` looks at that of `column`, and at all the others. */
function lookFrom(state, parts, row, column) {
  Object.assign(state, { row, column });
  const { tokens, attention: { length } } = state;
  const size = `${100 / length}%`;
  Object.assign(parts.cross.row.style, { top: `${100 * row / length}%`, height: size });
  Object.assign(parts.cross.column.style, { left: `${100 * column / length}%`, width: size });
  const greatest = share(state, row, bestKey(state, row)) || 1;
  [...parts.strip.children].forEach((chip, place) => {
    chip.style.setProperty("--share", share(state, row, place) / greatest);
    chip.classList.toggle("here", place === row);
    chip.classList.toggle("seen", place === column);
    chip.title = percent(share(state, row, place));
  });
  const most = tokens.map((_, place) => place)
    .sort((a, b) => share(state, row, b) - share(state, row, a)).slice(0, 3);
  parts.said.replaceChildren(
    tokenName(tokens[row]), ` at ${row} looks at `, tokenName(tokens[column]),
    ` at ${column}: ${percent(share(state, row, column))}. Most at `,
    ...most.flatMap((place, i) => [i ? ", " : "", tokenName(tokens[place]),
      ` at ${place} (${percent(share(state, row, place))})`]), ".");
}
