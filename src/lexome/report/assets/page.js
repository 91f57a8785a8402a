// Puts each part of the report in its place.

const PARTS = {
  summary: [drawSummary, report.summary],
  corpus: [drawCorpus, report.corpus],
  training: [drawTraining, report.training],
  samples: [drawSamples, report.samples],
  gallery: [drawGallery, report.gallery],
  scores: [drawScores, report.scores],
  predictions: [drawPredictions, report.inside],
  attention: [drawAttention, report.inside],
  embeddings: [drawEmbeddings, report.inside],
  ledger: [drawLedger, report.ledger],
  reproduction: [drawReproduction, report.reproduction],
  made: [(host, text) => put(host, text), `Made by lexome ${report.lexome} on ${report.made}.`],
};

for (const host of document.querySelectorAll("[data-part]")) {
  const [draw, value] = PARTS[host.dataset.part];
  if (isMissing(value)) put(host, missingBox(value));
  else draw(host, value);
}

// What is folded away on the screen is open on paper.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
