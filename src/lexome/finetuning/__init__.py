"""Tasks as pairs of languages: data, recipes, answers, scores."""
