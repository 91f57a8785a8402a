// The section on honesty: its parts in order, each with a heading and what draws it.

const HONESTY_PARTS = {
  facts: ["Facts: known, or made up", drawFactsAsked],
  copying: ["Copies of what it has read", drawCopied],
  audit: ["Groups: what its data say", drawAudited],
  groups: ["Groups: the model beside its text", drawGroups],
  compensation: ["Correction of a skew, and its price", drawCompensation],
  sources: ["Do its answers depend on their sources?", drawSources],
  gaps: ["The score of the task, by group", drawGroupGaps],
};

function drawHonesty(host, parts) {
  for (const { name, content } of parts) {
    const [title, draw] = HONESTY_PARTS[name];
    const part = el("div", { class: "honesty-part", id: `honesty-${name}` }, el("h3", {}, title));
    put(host, part);
    if (isMissing(content)) put(part, missingBox(content));
    else draw(part, content);
  }
}
