"""An adapter as a folder that plain `peft` loads onto the base in plain `transformers`.

`adapter_config.json` and `adapter_model.safetensors` are as `peft` writes them (0.21). What peft
has no key for, and would warn about at each loading, is in `lexome_adapter.json` beside them: the
shape and the SHA-256 of the base, so that no adapter ends up on a model it was not trained on.
Where the vocabulary grew, the base is resized first: `base.resize_token_embeddings(n)`. A front
end, which is trained with every adapter, lies beside it as it does beside a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.files import read_json, write_json
from lexome.model.adapter_tensors import (
    PER_TOKEN,
    AdaptedModule,
    adapted_modules,
    pack_factors,
    pack_vocabulary,
    unpack_factors,
    vocabulary_names,
)
from lexome.model.adapters import (
    TARGETS,
    attach,
    base_parameters,
    is_attached,
    low_rank_maps,
    merged,
)
from lexome.model.assembly import parameter_shapes
from lexome.model.config import TransformerConfig
from lexome.model.families import get
from lexome.model.front_end import joined, parted
from lexome.model.front_end_folder import load_front_end, save_front_end
from lexome.model.growth import grown
from lexome.model.new_rows import GrownEmbedding
from lexome.model.storage import load_tensors, replacing, save_tensors
from lexome.model.transformer import Transformer

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
RECORD = "lexome_adapter.json"

# peft's own word for an adapter that has no module of its own, only whole tensors.
_NO_MODULES = "dummy-target-modules"
_SHAPE = ("family", "layers", "width", "heads", "kv_heads", "head_width", "mlp_width")
_FIX = "restore the file, or save the adapter again"


def save_adapter(folder: Path, model: Transformer, *, base: str) -> None:
    """Write what was trained of a model with `lora` or `probe` attached, whole or not at all.

    `base` is where the base is found, a folder or a name: peft's `base_model_name_or_path`. An
    existing adapter is replaced; any other folder that is not empty is refused. Raises
    `LexomeError` for a model that was trained whole, or that peft cannot express.
    """
    config, frozen_rows = model.config, _frozen_rows(model)
    maps = low_rank_maps(model)
    targets = [t for t in TARGETS if any(name.endswith(f".{t}") for name in maps)]
    modules = adapted_modules(config, targets)
    tensors = pack_factors(modules, model)
    if frozen_rows < config.vocab_size:
        _check_resizable(config, str(folder))
        tensors |= pack_vocabulary(model)
    if not tensors:
        raise LexomeError(
            "there is no adapter to save: the whole model was trained",
            where=str(folder),
            fix="save the model itself as a folder",
        )
    first = next(iter(maps.values()), None)
    rank, alpha = (1, 1.0) if first is None else (first.rank, first.alpha)
    record = {
        "base": {
            **_shape(config),
            "vocab_size": frozen_rows,
            "sha256": _fingerprint(base_parameters(model)),
        },
        "vocab_size": config.vocab_size,
        "targets": targets,
    }
    with replacing(folder, CONFIG, "an adapter") as part:
        save_tensors(part / WEIGHTS, tensors)
        if front_end := parted(merged(model))[1]:
            save_front_end(part, front_end, torch.float32)
        write_json(part / CONFIG, _peft_config(config, modules, rank, alpha, base))
        write_json(part / RECORD, record)


def load_adapter(folder: Path, base_model: Transformer) -> Transformer:
    """Return a copy of `base_model` with the adapter of `folder` attached.

    The base must hold the weights that the adapter was trained on, as they were stored: one that
    was loaded in a narrower dtype counts as another one. Rows of the base that the adapter has in
    its own way, those of no token say, may be any. Raises `LexomeError` for another base or a
    folder that lexome did not write, `DamagedFileError` for one that is torn, `UsageError` for a
    base that is not plain.
    """
    for name in (CONFIG, WEIGHTS, RECORD):
        if not (folder / name).is_file():
            raise LexomeError(
                f"this is not an adapter that lexome saved: it has no {name}",
                where=str(folder),
                fix="name the folder that the fine-tuning wrote",
            )
    if is_attached(base_model):
        raise UsageError(
            "the base has an adapter attached already",
            where=str(folder),
            fix="load each adapter onto the plain base, or merge the first one",
        )
    saved = _read(folder)
    known = _known_rows(base_parameters(base_model), saved.frozen_rows)
    _check_base(saved, base_model.config, known, str(folder))
    state = _load_state(folder / WEIGHTS, saved, known, base_model.config)
    model = grown(parted(base_model)[0], saved.vocab_size, seed=0)
    if front_end := load_front_end(folder, model.config.width):
        model = joined(model, front_end)
    try:
        attach(
            model,
            "lora" if saved.targets else "probe",
            rank=saved.rank,
            alpha=saved.alpha,
            targets=saved.targets,
            frozen_rows=saved.frozen_rows,
            seed=0,
        )
    except UsageError as error:
        raise _damaged(folder, error.what) from error
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, tensor in state.items():
            parameters[name].copy_(tensor)
    return model


class _Saved(NamedTuple):
    """What the two JSON files of an adapter say; the first `frozen_rows` are the base's."""

    base: Mapping[str, Any]
    frozen_rows: int
    vocab_size: int
    targets: Sequence[str]
    rank: int
    alpha: float


def _read(folder: Path) -> _Saved:
    record, config = _object(folder / RECORD), _object(folder / CONFIG)
    base, targets = record.get("base"), record.get("targets")
    vocab_size, rank = record.get("vocab_size"), config.get("r")
    alpha = config.get("lora_alpha")
    if not isinstance(base, dict):
        raise _damaged(folder / RECORD, "base is not an object")
    if not isinstance(targets, list) or not all(target in TARGETS for target in targets):
        raise _damaged(folder / RECORD, f"targets must be some of {', '.join(TARGETS)}")
    frozen_rows = base.get("vocab_size")
    if type(vocab_size) is not int or type(frozen_rows) is not int:
        raise _damaged(folder / RECORD, "vocab_size is not a whole number")
    if not 1 <= frozen_rows <= vocab_size:
        raise _damaged(folder / RECORD, f"vocab_size is {vocab_size}, the base's {frozen_rows}")
    if type(rank) is not int:
        raise _damaged(folder / CONFIG, "r is not a whole number")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float):
        raise _damaged(folder / CONFIG, "lora_alpha is not a number")
    return _Saved(base, frozen_rows, vocab_size, targets, rank, float(alpha))


def _object(path: Path) -> dict[str, Any]:
    values = read_json(path)
    if not isinstance(values, dict):
        raise _damaged(path, "the file does not hold an object")
    return values


def _damaged(path: Path, what: str) -> DamagedFileError:
    return DamagedFileError(f"the adapter is damaged: {what}", where=str(path), fix=_FIX)


def _known_rows(parameters: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
    """Return a model's parameters, of those with a row for each token the first `rows`."""
    return {
        name: tensor[:rows] if name in PER_TOKEN else tensor for name, tensor in parameters.items()
    }


def _check_base(
    saved: _Saved, config: TransformerConfig, known: Mapping[str, Tensor], where: str
) -> None:
    """Raise `LexomeError` unless `known` are the parameters that the adapter stands on."""
    base = saved.base
    different = [
        f"{key} = {base.get(key)!r}, not {value!r}"
        for key, value in _shape(config).items()
        if base.get(key) != value
    ]
    if not saved.frozen_rows <= config.vocab_size <= saved.vocab_size:
        rows = {saved.frozen_rows, saved.vocab_size}
        different.append(
            f"vocab_size = {' to '.join(map(str, sorted(rows)))}, not {config.vocab_size}"
        )
    if not different and base.get("sha256") != _fingerprint(known):
        different = ["the same shape, but other weights"]
    if different:
        raise LexomeError(
            f"the adapter was trained on another base: one with {', '.join(different)}",
            where=where,
            fix="load the base that the adapter names in adapter_config.json, in fp32",
        )


def _load_state(
    path: Path, saved: _Saved, base: Mapping[str, Tensor], base_config: TransformerConfig
) -> dict[str, Tensor]:
    """Return the trained parameters of the attached model by name, all of them checked."""
    config, old = replace(base_config, vocab_size=saved.vocab_size), saved.frozen_rows
    modules = adapted_modules(config, saved.targets)
    vocabulary = dict(vocabulary_names(config)) if saved.vocab_size > old else {}
    tensors = load_tensors(path)
    _check_shapes(_stored_shapes(config, modules, vocabulary, saved.rank), tensors, path)
    try:
        state = unpack_factors(modules, tensors, saved.rank)
    except ValueError as error:
        raise _damaged(path, f"{error}; was it trained on by another tool?") from error
    for theirs, ours in vocabulary.items():
        if not torch.equal(tensors[theirs][:old].to(base[ours]), base[ours]):
            raise _damaged(path, f"{theirs} has other rows for the base's tokens than the base")
        owner, _, leaf = ours.rpartition(".")
        name, new = f"{owner}.new_{'bias' if leaf == 'bias' else 'rows'}", tensors[theirs][old:]
        if not torch.equal(state.setdefault(name, new), new):
            raise _damaged(path, f"{theirs} differs from its copy")
    return state


def _stored_shapes(
    config: TransformerConfig,
    modules: Sequence[AdaptedModule],
    vocabulary: Mapping[str, str],
    rank: int,
) -> dict[str, tuple[int, ...]]:
    ours = parameter_shapes(config)
    shapes = {theirs: tuple(ours[name]) for theirs, name in vocabulary.items()}
    for module in modules:
        joined, inputs = len(module.parts) * rank, ours[f"{module.parts[0][0]}.weight"][1]
        name_a, name_b = module.names
        shapes |= {name_a: (joined, inputs), name_b: (module.rows, joined)}
    return shapes


def _check_shapes(
    expected: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Tensor], path: Path
) -> None:
    problems = [f"missing: {name}" for name in expected if name not in tensors]
    problems += [f"not expected: {name}" for name in sorted(tensors) if name not in expected]
    problems += [
        f"{name} is {tuple(tensors[name].shape)}, not {shape}"
        for name, shape in expected.items()
        if name in tensors and tensors[name].shape != shape
    ]
    if problems:
        raise _damaged(path, "\n    ".join(["its tensors are not those it describes:", *problems]))


def _peft_config(
    config: TransformerConfig, modules: Sequence[AdaptedModule], rank: int, alpha: float, base: str
) -> dict[str, Any]:
    """Return `adapter_config.json`: a `peft.LoraConfig`; joined maps have patterns of their own."""
    joined = {m.pattern: len(m.parts) for m in modules if len(m.parts) > 1}
    patterns = sorted({module.pattern for module in modules})
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM" if config.attention == "causal" else None,
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "use_rslora": False,
        "bias": "none",
        "fan_in_fan_out": any(module.transposed for module in modules),
        "target_modules": "|".join(patterns) or _NO_MODULES,
        "rank_pattern": {pattern: count * rank for pattern, count in joined.items()},
        "alpha_pattern": {pattern: count * alpha for pattern, count in joined.items()},
    }


def _frozen_rows(model: Transformer) -> int:
    if isinstance(model.embedding, GrownEmbedding):
        return model.embedding.frozen_rows
    return model.config.vocab_size


def _check_resizable(config: TransformerConfig, where: str) -> None:
    """Refuse a family whose head `resize_token_embeddings` leaves broken.

    It resizes the unembedding's module; ESM keeps a bias beside that module.
    """
    family = get(config.family)
    module = family.unembedding_tensor.removesuffix(".weight")
    for entry in family.table:
        if entry.ours == ("head.unembedding.bias",) and entry.theirs != f"{module}.bias":
            raise LexomeError(
                f"transformers cannot resize the vocabulary of {config.family}, so peft cannot "
                "load an adapter with new tokens",
                where=where,
                fix="save the merged model as a folder: that one loads",
            )


def _shape(config: TransformerConfig) -> dict[str, Any]:
    return {key: getattr(config, key) for key in _SHAPE}


def _fingerprint(parameters: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of all parameters in fp32, each with its name and shape before it."""
    digest = hashlib.sha256()
    for name, tensor in sorted(parameters.items()):
        digest.update(f"{name} {list(tensor.shape)}\n".encode())
        digest.update(tensor.to("cpu", torch.float32).contiguous().numpy().data)
    return digest.hexdigest()
