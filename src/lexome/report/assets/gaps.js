// The score of a task by groups: the worst first, and whether the gap is more than chance makes.

function drawGroupGaps(host, g) {
  put(host,
    el("p", { class: "note" }, "All figures of this part are made again by"),
    el("pre", { class: "commands", tabindex: 0, "aria-label": "Command" }, visible(g.command)),
    el("p", { class: "note" }, "Some group is always the worst, also where groups mean nothing. So beside each gap stands what it is "
      + "where the same examples are dealt to groups of the same sizes at random."),
    g.fields.map(fieldGaps));
}

function fieldGaps(field) {
  return [
    el("h4", {}, "By ", el("bdi", {}, visible(field.field))),
    field.note ? el("p", { class: "note" }, `${capital(visible(field.note))}.`) : null,
    field.reason ? el("p", { class: "note" }, `No gap: ${visible(field.reason)}.`) : null,
    field.gaps.map((gap) => [
      el("div", { class: "wrapped group-gap" }, table(["Group", "Value", "Examples"],
        gap.groups.map((one) => [el("bdi", {}, visible(one.name)),
          [fixed(one.value, 3), one.low === one.high ? null
            : el("span", { class: "aside" }, `${fixed(one.low, 3)} to ${fixed(one.high, 3)}`)],
          count(one.n)]),
        `${capital(visible(gap.figure))}, the worst group first; ${gap.lower ? "lower" : "higher"} is better`)),
      el("p", { class: "note" }, gapWords(gap))]),
    field.small.length ? el("p", { class: "note" }, `Too small to speak of, with fewer than 30 examples: ${
      field.small.map(([name, n]) => `${visible(name)} (${n})`).join(", ")}.`) : null,
  ];
}

function gapWords(gap) {
  const worst = gap.groups[0], best = gap.groups[gap.groups.length - 1];
  const verdict = gap.p < 0.05 ? "more than chance makes" : "no more than chance makes";
  return `The gap between ${visible(worst.name)} and ${visible(best.name)} is ${fixed(gap.gap, 3)} (${fixed(gap.low, 3)} to ${
    fixed(gap.high, 3)}), ${verdict}: groups dealt at random have ${fixed(gap.chance, 3)}, and 95% of them less than ${
    fixed(gap.chance_high, 3)} (p = ${fixed(gap.p, 3)}).`;
}
