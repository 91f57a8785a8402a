"""Reading a Hugging Face `config.json`: every key is used, checked, or known to change nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from lexome.errors import DamagedFileError, LexomeError

_HARMLESS = frozenset(
    (
        "architectures",
        "model_type",
        "transformers_version",
        "torch_dtype",
        "dtype",
        "use_cache",
        "name_or_path",
        "bos_token_id",
        "eos_token_id",
        "pad_token_id",
        "cls_token_id",
        "sep_token_id",
        "mask_token_id",
        "unk_token_id",
        "decoder_start_token_id",
        "id2label",
        "label2id",
        "num_labels",
        "problem_type",
        "finetuning_task",
        "task_specific_params",
        "tokenizer_class",
        "prefix",
        "output_attentions",
        "output_hidden_states",
        "output_past",
        "return_dict",
        "torchscript",
        "use_bfloat16",
        "gradient_checkpointing",
        "chunk_size_feed_forward",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "classifier_dropout",
        "attention_dropout",
        "hidden_dropout",
        "initializer_range",
    )
)
_EMPTY: tuple[object, ...] = (None, False, 0, "", [], {})


class Options:
    """The keys of one `config.json`, taken one by one; `close` refuses what nobody took.

    A key that is absent has the default of the family's class in `transformers`, which each
    family passes on.
    """

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = dict(values)
        self._taken: set[str] = set()
        self._where = where

    def take(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, or the default where the key is absent."""
        self._taken.add(key)
        return self._values.get(key, default)

    def size(self, key: str, default: int | None = None) -> int:
        """Return a positive whole number; `None` and absence mean the default, if there is one."""
        value = self.take(key)
        if value is None and default is not None:
            return default
        if value is None:
            raise DamagedFileError(
                f"the key {key!r} is missing", where=self._where, fix="restore config.json"
            )
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self._damaged(key, value, "a positive whole number")
        return value

    def head_width(self, width: int, heads: int) -> int:
        """Return the width of one of `heads` heads that share `width` evenly."""
        if width % heads:
            raise DamagedFileError(
                f"a width of {width} does not divide into {heads} heads",
                where=self._where,
                fix="restore config.json",
            )
        return width // heads

    def token(self, key: str) -> int | None:
        """Return the id of a token, or `None`."""
        value = self.take(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            self._damaged(key, value, "the id of a token")
        return value

    def number(self, key: str, default: float) -> float:
        """Return a finite number; `None` and absence mean the default."""
        return self._number(key, self.take(key), default)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false; `None` counts as false, as in `transformers`."""
        value = self.take(key, default)
        if value is not None and not isinstance(value, bool):
            self._damaged(key, value, "true or false")
        return bool(value)

    def names(self, key: str) -> Sequence[str] | None:
        """Return a list of names, or `None` where the key is absent or empty."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            self._damaged(key, value, "a list of names")
        return value or None

    def table(self, key: str) -> Mapping[str, Any]:
        """Return an object, empty where the key is absent."""
        value = self.take(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._damaged(key, value, "an object")
        return value

    def choice(self, key: str, default: str, known: Mapping[str, Any]) -> Any:
        """Return what the value of `key` stands for in `known`; refuse any other value."""
        value = self.take(key, default)
        if not isinstance(value, str) or value not in known:
            self.refuse(key, value, f"it knows {', '.join(known)}")
        return known[value]

    def require(self, key: str, *allowed: object) -> None:
        """Refuse any value of `key` but the allowed ones; an absent key is allowed."""
        value = self.take(key, allowed[0])
        if value not in allowed:
            self.refuse(key, value, f"it knows {' or '.join(repr(a) for a in allowed)}")

    def rotary_base(self) -> float:
        """Return the base of plain rotary positions, from the new or the old way to write it."""
        base = self.number("rope_theta", 10_000.0)
        for key in ("rope_parameters", "rope_scaling"):
            base = self.plain_rotation(key, self.table(key), base)
        self.require("partial_rotary_factor", 1.0, None)
        return base

    def plain_rotation(self, key: str, rotation: object, default: float) -> float:
        """Return the base of one rotation, refusing every kind of scaling by its name."""
        if rotation is None:
            return default
        if not isinstance(rotation, Mapping):
            self._damaged(key, rotation, "an object")
        known = "it knows plain rotary positions"
        for name in ("rope_type", "type"):
            if rotation.get(name, "default") != "default":
                self.refuse(f"{key}.{name}", rotation[name], known)
        for name, value in rotation.items():
            plain = name in ("rope_theta", "rope_type", "type")
            if not plain and not (name == "partial_rotary_factor" and value == 1.0):
                self.refuse(f"{key}.{name}", value, known)
        return self._number(f"{key}.rope_theta", rotation.get("rope_theta"), default)

    def refuse(self, key: str, value: object, known: str) -> NoReturn:
        """Raise: lexome's Transformer cannot express `key` = `value`."""
        raise LexomeError(
            f"the Transformer cannot express {key} = {value!r}; {known}",
            where=f"{self._where}, key {key}",
            fix="load this model with transformers, or choose another one",
        )

    def close(self, harmless: frozenset[str]) -> None:
        """Refuse keys that nobody took, unless they are empty or known to change no logit."""
        for key, value in self._values.items():
            known = key in self._taken or key in _HARMLESS or key in harmless
            if not known and not key.startswith("_") and value not in _EMPTY:
                self.refuse(key, value, "it does not know this key")

    def _number(self, key: str, value: object, default: float) -> float:
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._damaged(key, value, "a number")
        if not math.isfinite(value):
            self._damaged(key, value, "a finite number")
        return float(value)

    def _damaged(self, key: str, value: object, wanted: str) -> NoReturn:
        raise DamagedFileError(
            f"{key} must be {wanted}, not {value!r}",
            where=f"{self._where}, key {key}",
            fix="restore config.json",
        )
