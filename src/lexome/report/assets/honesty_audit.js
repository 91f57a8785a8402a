// What the corpus says of groups: rates by group, and how far they are from those of the others.

function drawAudited(host, a) {
  put(host,
    el("p", { class: "note" }, `Groups and attributes were declared, and counted in ${plural(a.documents, "training document")}: `
      + `a group and an attribute belong together where they stand in one ${visible(a.context)} (${
        count(a.contexts)} in all). A skew is one of these data: no cause, and no verdict on anybody.`),
    a.notes.map((note) => el("p", { class: "note" }, visible(note))),
    el("p", { class: "finding" }, `${count(a.flagged)} of ${plural(a.axes.reduce((n, axis) => n + axis.rows.length, 0), "rate")} ${
      a.flagged === 1 ? "differs" : "differ"} from the other groups by more than chance.`),
    a.axes.map((axis) => auditAxis(axis, a)),
    a.too_few.map(([axis, group, cases]) => el("p", { class: "note" }, `Too few to speak of: `,
      el("bdi", {}, visible(group)), ` (${visible(axis)}) has ${plural(cases, "case")}, under ${count(a.fewest)}; its interval is too wide.`)),
    el("p", { class: "note" }, "Log-odds ratio: of the group against the others of its axis, natural logarithm; 0 is alike, "
      + `beyond it more or less. Its intervals, and p, hold for all ${plural(a.comparisons, "comparison")} at once, and allow `
      + `for cases that are alike in one ${visible(a.clusters)}; those of rates are 95% each.`),
    el("p", { class: "note" }, "The table is made again by"),
    el("pre", { class: "commands", tabindex: 0, "aria-label": "Command" }, visible(a.command)));
}

function auditAxis(axis, { too_few: tooFew }) {
  const few = new Set(tooFew.filter(([own]) => own === axis.name).map(([, group]) => group));
  const ends = axis.rows.flatMap((one) => (one.log_odds === null ? [] : [Math.abs(one.odds_low), Math.abs(one.odds_high)]));
  const most = Math.min(Math.max(1, ...ends), MOST_LOG_ODDS);
  const attributes = [...new Set(axis.rows.map((one) => one.attribute))];
  const several = axis.several ? `; contexts that name two or more of these groups, counted for none of them: ${count(axis.several)}` : "";
  return el("div", { class: "scroll" }, el("table", { class: "bars audit" },
    el("caption", {}, el("strong", {}, visible(axis.name)), `: ${axis.groups.map(([name, cases]) =>
      `${visible(name)} ${count(cases)}`).join(", ")} cases${several}`),
    el("thead", {}, el("tr", {}, ["Attribute and group", "Rate", "Less · more than the others", "Log-odds ratio"].map((name, i) =>
      el("th", { scope: "col", class: ["", "number", "track", "number"][i] }, name)))),
    attributes.map((attribute) => el("tbody", {},
      el("tr", {}, el("th", { scope: "rowgroup", colspan: 4, class: "attribute" }, el("bdi", {}, visible(attribute)))),
      axis.rows.filter((one) => one.attribute === attribute).map((one) => auditRow(one, most, few.has(one.group)))))));
}

const MOST_LOG_ODDS = 6;

function auditRow(one, most, few) {
  const at = (value) => 50 + 50 * Math.min(Math.max(value / most, -1), 1);
  const placed = (name, left, right) => {
    const node = el("span", { class: name });
    node.style.left = `${at(left)}%`;
    if (right !== undefined) node.style.width = `${at(right) - at(left)}%`;
    return node;
  };
  const sure = one.flagged ? (one.log_odds > 0 ? "▲ more" : "▼ less") : null;
  return el("tr", { class: one.flagged ? "flagged" : "" },
    el("th", { scope: "row" }, el("bdi", {}, visible(one.group))),
    el("td", { class: "number" }, one.rate === null ? "–" : [percent(one.rate),
      el("span", { class: "aside" }, `${percent(one.low)} to ${percent(one.high)}`),
      el("span", { class: "aside" }, `${count(one.hits)} of ${count(one.cases)}`)]),
    el("td", { class: "track" }, el("div", { class: "lane" }, el("span", { class: "zero" }),
      one.log_odds === null ? null : [placed("whisker", one.odds_low, one.odds_high), placed("odds-dot", one.log_odds)])),
    el("td", { class: "number" }, one.log_odds === null
      ? el("span", { class: "aside" }, few ? "too few cases" : "too few to compare with")
      : [fixed(one.log_odds, 2), sure ? [" ", el("strong", { class: "audit-flag" }, sure)] : null,
        el("span", { class: "aside" }, `${fixed(one.odds_low, 2)} to ${fixed(one.odds_high, 2)}`),
        el("span", { class: "aside" }, one.p < 0.0001 ? "p < 0.0001" : `p = ${figure(one.p)}`)]));
}
