// Puts each part of the report in its place.

const PARTS = {
  summary: [drawSummary, report.summary],
  task: [drawTask, report.task],
  corpus: [drawCorpus, report.corpus],
  training: [drawTraining, report.training],
  samples: [drawSamples, report.samples],
  gallery: [drawGallery, report.gallery],
  scores: [drawScores, report.scores],
  honesty: [drawHonesty, report.honesty],
  predictions: [drawPredictions, report.inside],
  attention: [drawAttention, report.inside],
  embeddings: [drawEmbeddings, report.inside],
  ledger: [drawLedger, report.ledger],
  reproduction: [drawReproduction, report.reproduction],
  made: [(host, text) => put(host, text), `Made by lexome ${report.lexome} on ${report.made}.`],
};

/** Take away a section that does not apply to this run, and the way to it. */
function removeSection(host) {
  const section = host.closest("section");
  document.querySelector(`nav a[href="#${section.id}"]`).closest("li").remove();
  section.remove();
}

for (const host of document.querySelectorAll("[data-part]")) {
  const [draw, value] = PARTS[host.dataset.part];
  if (value === null) removeSection(host);
  else if (isMissing(value)) put(host, missingBox(value));
  else draw(host, value);
}

// What is folded away on the screen is open on paper.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
