// Two maps of the same tokens, before and after training; the chosen token shows in both.

function drawEmbeddings(host, inside) {
  const map = inside.embeddings;
  if (isMissing(map)) {
    put(host, missingBox(map));
    return;
  }
  const state = { token: 0, pinned: false };
  const sides = ["before", "after"].map((name) => embeddingSide(name, map, (token, clicked) => {
    if (clicked) state.pinned = !(state.pinned && token === state.token);
    if (clicked || !state.pinned) show(token);
  }));
  const show = (token) => {
    state.token = token;
    select.value = token;
    sides.forEach((side) => side.mark(token));
  };
  const select = el("select", {
    id: "embedding-token", onchange: () => { state.pinned = true; show(Number(select.value)); },
  }, map.tokens.map((token, i) => el("option", { value: i }, labelOf(token))));
  put(host,
    el("div", { class: "controls" },
      el("label", { class: "chooser", for: "embedding-token" }, el("span", {}, "Token"), select),
      el("span", { class: "hint" }, "or point at one; a click keeps it, a second lets it go")),
    el("div", { class: "pair" }, sides.map((side) => side.figure)),
    el("p", { class: "note" }, `${visible(map.chosen)}. Before training the model was ${visible(map.start)}. Neighbours are the nearest by cosine in all `
      + `${count(map.width)} dimensions, so they can lie apart on the plane.`));
  show(0);
}

function embeddingSide(name, map, pick) {
  const projection = map[name];
  const plot = el("div", { class: "plot" });
  const near = el("ol", { class: "neighbours", id: `neighbours-${name}` });
  const title = name === "before" ? "Before training" : "After training";
  const [across, up] = projection.explained;
  const figure = el("figure", { class: "embedding" },
    el("figcaption", {}, el("strong", {}, title),
      el("span", { class: "hint" }, `the plane holds ${percent(across + up)} of the spread`)),
    plot, near);
  let draw = () => {};
  let token = 0;
  drawToWidth(plot, (width) => {
    draw = scatter(plot, name, projection, map.tokens, width, pick);
    draw(token);
  });
  const mark = (index) => {
    token = index;
    draw(index);
    near.replaceChildren(
      el("li", { class: "of" }, "Nearest to ", tokenName(map.tokens[index]), ":"),
      ...projection.neighbours[index].map(([other, cosine]) => el("li", {},
        el("button", { type: "button", class: "chip", onclick: () => pick(other, true) },
          tokenName(map.tokens[other]), " ", el("span", { class: "cosine" }, fixed(cosine, 2))))));
  };
  return { figure, mark };
}

/** Draw all tokens of one side; return what marks a token and its neighbours. */
function scatter(plot, name, projection, tokens, width, pick) {
  const height = Math.round(width * 0.85);
  const places = fit(projection.points, width, height);
  const marks = svg("g", { class: "marks" });
  const labels = svg("g", { class: "labels" });
  const root = svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, role: "img", id: `embedding-${name}`,
    "aria-label": `Token embeddings ${name} training, in two dimensions; the list below names neighbours`,
  }, labels, marks);
  const boxes = [];
  const named = new Set();
  places.forEach(([x, y], i) => {
    const text = labelOf(tokens[i]);
    const half = 3 + 3.6 * [...text].length;
    const box = [x - half, y - 8, x + half, y + 8];
    const inside = box[0] > 0 && box[2] < width && box[1] > 0 && box[3] < height;
    if (inside && boxes.every((other) => apart(box, other))) {
      boxes.push(box);
      named.add(i);
      labels.append(svg("text", { x, y: y + 4, "text-anchor": "middle" }, text));
    } else {
      labels.append(svg("circle", { cx: x, cy: y, r: 2 }));
    }
  });
  const at = (event) => {
    const area = root.getBoundingClientRect();
    return nearest(places, ([x, y]) =>
      (x - event.clientX + area.left) ** 2 + (y - event.clientY + area.top) ** 2);
  };
  root.addEventListener("pointermove", (event) => pick(at(event), false));
  root.addEventListener("click", (event) => pick(at(event), true));
  plot.replaceChildren(root);
  return (token) => {
    marks.replaceChildren();
    put(marks, marksOf(token, projection, places, tokens, named));
  };
}

const apart = (a, b) => a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];

/** Return the points in pixels: one scale for both axes, so that distances stay true. */
function fit(points, width, height) {
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const room = 22;
  const scale = Math.min((width - 2 * room) / (right - left || 1), (height - 2 * room) / (high - low || 1));
  return points.map(([x, y]) => [
    width / 2 + scale * (x - (left + right) / 2), height / 2 - scale * (y - (low + high) / 2)]);
}

/** Ring a token and its neighbours; one that is only a dot so far gets its name. */
function marksOf(token, projection, places, tokens, named) {
  const [x, y] = places[token];
  const others = projection.neighbours[token].map(([other]) => other);
  const line = (i) => svg("line", { x1: x, y1: y, x2: places[i][0], y2: places[i][1] });
  const ring = (i, kind) => [
    svg("circle", { class: kind, cx: places[i][0], cy: places[i][1], r: kind === "chosen" ? 12 : 9 }),
    named.has(i) ? null : svg("text", {
      class: kind, x: places[i][0], y: places[i][1] - 13, "text-anchor": "middle" }, labelOf(tokens[i]))];
  return [others.map(line), others.map((i) => ring(i, "near")), ring(token, "chosen")];
}
