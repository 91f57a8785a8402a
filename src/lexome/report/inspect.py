"""Looking inside a model: next-token distributions, attention maps, embeddings on a plane."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lexome.languages.base import Ids, SpecialTokens, Tokenizer
from lexome.model.transformer import Transformer
from lexome.report.data import (
    Attention,
    EmbeddingMap,
    Inside,
    Inspection,
    Missing,
    Prediction,
    Projection,
    short,
)

TOP = 10
NEIGHBOURS = 8
LONGEST_PROMPT = 64
ATTENTION_VALUES = 300_000
MAP_TOKENS = 400
_SCALE = 65_535
_MASKED_BATCH = 32


def inspect(
    model: Transformer,
    initial: Transformer | Missing,
    tokenizer: Tokenizer,
    prompts: Sequence[tuple[str, Ids]],
    map_tokens: Sequence[int],
    chosen: str,
    start: str = "drawn at random",
) -> Inside:
    """Compute everything that the page shows about how `model` works.

    `initial` is the model before its first step, `start` what it was then, or it says why that is
    not known; `prompts` are (origin,
    token ids as the model reads them); `map_tokens` are the tokens of the embedding map, and
    `chosen` says how they were chosen. The model is left in evaluation mode.
    """
    model.eval()
    inspections = tuple(
        inspect_prompt(model, tokenizer, origin, ids, budget=ATTENTION_VALUES // len(prompts))
        for origin, ids in prompts
    )
    embeddings: EmbeddingMap | Missing
    if isinstance(initial, Missing):
        embeddings, shown = initial, set()
    else:
        embeddings = embedding_map(initial, model, map_tokens[:MAP_TOKENS], chosen, start)
        shown = {*embeddings.tokens}
    for inspection in inspections:
        shown.update(inspection.tokens)
        shown.update(token for p in inspection.predictions for token, _ in p.top)
    return Inside(
        objective="causal" if model.config.attention == "causal" else "masked",
        labels={token: label(tokenizer, token) for token in sorted(shown)},
        inspections=inspections,
        embeddings=embeddings,
    )


def label(tokenizer: Tokenizer, token: int) -> str:
    """Return a token's name; a model's vocabulary may be padded beyond its tokenizer's."""
    return tokenizer.token_label(token) if token < tokenizer.vocab_size else f"unused {token}"


@torch.no_grad()
def inspect_prompt(
    model: Transformer,
    tokenizer: Tokenizer,
    origin: str,
    ids: Ids,
    budget: int = ATTENTION_VALUES,
) -> Inspection:
    """Return what `model` sees in a prompt, a stretch of tokens like those it was trained on.

    A prompt is shortened so that it fits the context, `LONGEST_PROMPT`, and `budget` attention
    values; `shortened_from` then holds its full length in tokens.
    """
    config = model.config
    room = math.isqrt(budget // (config.layers * config.heads))
    tokens = ids[: max(min(room, config.context, LONGEST_PROMPT), 2)].tolist()
    row = torch.tensor([tokens], device=model.embedding.weight.device)
    maps = model.attention_maps(row)[:, 0]
    if config.attention == "causal":
        predictions = _next_tokens(model, row)
    else:
        predictions = _masked_tokens(model, row, tokenizer.special)
    return Inspection(
        origin=origin,
        tokens=tuple(tokens),
        predictions=predictions,
        attention=pack_attention(maps),
        shortened_from=len(ids) if len(tokens) < len(ids) else None,
    )


def pack_attention(maps: Tensor) -> Attention:
    """Pack attention probabilities [layers, heads, T, T] in two bytes each."""
    layers, heads, length, _ = maps.shape
    scaled = (maps.double() * _SCALE).round().to(torch.int32).cpu().numpy()
    values = base64.b64encode(scaled.astype("<u2").tobytes()).decode("ascii")
    return Attention(layers=layers, heads=heads, length=length, values=values)


def embedding_map(
    before: Transformer, after: Transformer, tokens: Sequence[int], chosen: str, start: str
) -> EmbeddingMap:
    """Return the input embeddings of `tokens` before and after training, in two dimensions."""
    index = torch.as_tensor(list(tokens))
    return EmbeddingMap(
        tokens=tuple(int(token) for token in tokens),
        width=after.config.width,
        chosen=chosen,
        before=project(before.embedding.weight.detach().cpu()[index]),
        after=project(after.embedding.weight.detach().cpu()[index]),
        start=start,
    )


def project(vectors: Tensor) -> Projection:
    """Project vectors [N, W] on their first two principal components.

    Each axis points where its largest coordinate is positive, so a projection never flips.
    Neighbours are the nearest by cosine among the N, in all W dimensions.
    """
    vectors = vectors.double()
    centred = vectors - vectors.mean(dim=0)
    _, sizes, axes = torch.linalg.svd(centred, full_matrices=False)
    points = torch.zeros(len(vectors), 2, dtype=torch.float64)
    explained = [0.0, 0.0]
    variance = sizes.square().sum().clamp_min(1e-30)
    for axis in range(min(2, len(sizes))):
        along = centred @ axes[axis]
        points[:, axis] = along * torch.sign(along[along.abs().argmax()])
        explained[axis] = short(float(sizes[axis].square() / variance), 4)
    return Projection(
        points=tuple((short(float(x), 5), short(float(y), 5)) for x, y in points),
        neighbours=_neighbours(vectors),
        explained=(explained[0], explained[1]),
    )


def _neighbours(vectors: Tensor) -> tuple[tuple[tuple[int, float], ...], ...]:
    unit = torch.nn.functional.normalize(vectors, dim=-1)
    cosine = unit @ unit.T
    cosine.fill_diagonal_(-math.inf)
    count = min(NEIGHBOURS, len(vectors) - 1)
    values, indices = cosine.topk(count, dim=-1)
    return tuple(
        tuple((int(i), short(float(v), 4)) for i, v in zip(near, how, strict=True))
        for near, how in zip(indices, values, strict=True)
    )


def _next_tokens(model: Transformer, row: Tensor) -> tuple[Prediction, ...]:
    probabilities = model(row)[0].double().softmax(dim=-1).cpu()  # [T, V]
    tokens = row[0].tolist()
    return tuple(
        _prediction(at, probabilities[at], tokens[at + 1] if at + 1 < len(tokens) else None)
        for at in range(len(tokens))
    )


def _masked_tokens(
    model: Transformer, row: Tensor, special: SpecialTokens
) -> tuple[Prediction, ...]:
    """Hide each position in turn, all others in sight; special tokens stay."""
    positions = [at for at, token in enumerate(row[0].tolist()) if token not in special.ids]
    predictions = []
    for start in range(0, len(positions), _MASKED_BATCH):
        batch = positions[start : start + _MASKED_BATCH]
        hidden = row.repeat(len(batch), 1)
        hidden[torch.arange(len(batch)), batch] = special.mask
        logits = model(hidden)
        for at, sequence in zip(batch, logits, strict=True):
            probabilities = sequence[at].double().softmax(dim=-1).cpu()
            predictions.append(_prediction(at, probabilities, int(row[0, at])))
    return tuple(predictions)


def _prediction(position: int, probabilities: Tensor, truth: int | None) -> Prediction:
    values, tokens = probabilities.topk(min(TOP, len(probabilities)))
    top = tuple(
        (int(token), short(float(value))) for token, value in zip(tokens, values, strict=True)
    )
    if truth is None:
        return Prediction(position, top, None, None, None)
    held = probabilities[truth]
    rank = 1 + int((probabilities > held).sum())
    return Prediction(position, top, int(truth), short(float(held)), rank)
