"""BLEU of JoeyNMT on Multi30k, English to German, after some minutes of training on one core.

    python joeynmt_multi30k.py MULTI30K --keep FOLDER --minutes 58 --seed 0

MULTI30K is a folder with `train` and `val` as `.en.gz` and `.de.gz`. JoeyNMT's own loop runs; the
clock is read after each step and stops for validations, which decode all of `val` without a cache.
They lie evenly in the second half of the minutes, the last one at the end. As JoeyNMT usually does,
it keeps the checkpoint with the best greedy BLEU on its development set, here `val` itself: that
favours it. The same sentences are then translated with beams and scored, raw text in and out;
`averaged` is the mean of the weights of the best checkpoints, which its authors do by a script.
It has no schedule that ends with the clock, and its default least learning rate ends a run in its
warm-up.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import json
import time
from pathlib import Path
from typing import Any

import torch
from measure import LoadWatch, keep_memory

SOURCE, TARGET = "en", "de"
LAYERS, WIDTH, HEADS, MLP_WIDTH = 3, 256, 4, 1024
NEVER = 10**9
PACKAGES = ("joeynmt", "torch", "sentencepiece", "sacrebleu")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="a new folder for all it writes")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vocab-size", type=int, default=6000)
    parser.add_argument("--settings", choices=["default", "best"], default="default")
    parser.add_argument("--batch-tokens", type=int, default=1024, help="padding included")
    parser.add_argument("--warmup", type=int, default=400, help="steps")
    parser.add_argument("--rate", type=float, default=1.0, help="noam's factor")
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--beams", type=int, default=5)
    parser.add_argument("--validations", type=int, default=5, help="in the second half")
    parser.add_argument("--bf16", action="store_true", help="bf16 autocast")
    parser.add_argument("--keep-memory", action="store_true", help="malloc keeps freed blocks")
    arguments = parser.parse_args()
    if arguments.settings == "best":
        arguments.bf16 = arguments.keep_memory = True
    return arguments


def unpack(folder: Path, keep: Path) -> None:
    """Write the plain files that JoeyNMT reads, a sentence a line."""
    for split in ("train", "val"):
        for language in (SOURCE, TARGET):
            packed = (folder / f"{split}.{language}.gz").read_bytes()
            (keep / f"{split}.{language}").write_bytes(gzip.decompress(packed))


def learn_subwords(keep: Path, size: int) -> None:
    """Learn one BPE vocabulary of the training sentences of both languages."""
    import sentencepiece

    model = keep / "subwords"
    sentencepiece.SentencePieceTrainer.train(
        input=[str(keep / f"train.{language}") for language in (SOURCE, TARGET)],
        model_prefix=str(model),
        model_type="bpe",
        vocab_size=size,
        character_coverage=1.0,
        normalization_rule_name="identity",
        unk_id=0,
        pad_id=1,
        bos_id=2,
        eos_id=3,
        pad_piece="<pad>",
        num_threads=1,
        minloglevel=1,
    )
    pieces = sentencepiece.SentencePieceProcessor(model_file=f"{model}.model")
    names = [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]
    (keep / "vocabulary.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


def configuration(arguments: argparse.Namespace) -> dict[str, Any]:
    keep: Path = arguments.keep

    def side(language: str) -> dict[str, Any]:
        return {
            "lang": language,
            "level": "bpe",
            "tokenizer_type": "sentencepiece",
            "tokenizer_cfg": {"model_file": str(keep / "subwords.model")},
            "voc_file": str(keep / "vocabulary.txt"),
        }

    stack = {
        "type": "transformer",
        "num_layers": LAYERS,
        "num_heads": HEADS,
        "embeddings": {"embedding_dim": WIDTH, "scale": True, "dropout": arguments.dropout},
        "hidden_size": WIDTH,
        "ff_size": MLP_WIDTH,
        "dropout": arguments.dropout,
        "layer_norm": "pre",
    }
    return {
        "name": "multi30k",
        "model_dir": str(keep / "model"),
        "use_cuda": False,
        "random_seed": arguments.seed,
        "data": {
            "train": str(keep / "train"),
            "dev": str(keep / "val"),
            "dataset_type": "plain",
            "src": side(SOURCE),
            "trg": side(TARGET),
        },
        "training": {
            "optimizer": "adam",
            "adam_betas": [0.9, 0.98],
            "normalization": "tokens",
            "label_smoothing": 0.1,
            "scheduling": "noam",
            "learning_rate_factor": arguments.rate,
            "learning_rate_warmup": arguments.warmup,
            "learning_rate_min": 0.0,
            "clip_grad_norm": 1.0,
            "batch_size": arguments.batch_tokens,
            "batch_type": "token",
            "early_stopping_metric": "bleu",
            "keep_best_ckpts": 5,
            "epochs": NEVER,
            "validation_freq": NEVER,
            "logging_freq": 50,
            "print_valid_sents": [0],
        },
        "testing": {
            "beam_size": arguments.beams,
            "beam_alpha": 1.0,
            "batch_size": 64,
            "batch_type": "sentence",
            "eval_metrics": ["bleu"],
        },
        "model": {
            "initializer": "xavier_uniform",
            "embed_initializer": "xavier_uniform",
            "bias_initializer": "zeros",
            "tied_embeddings": True,
            "tied_softmax": True,
            "encoder": dict(stack),
            "decoder": dict(stack),
        },
    }


def manager(seconds: float, validations: int, **made_from: Any) -> Any:
    """Return JoeyNMT's training manager, which validates and ends by the clock."""
    from joeynmt.training import TrainManager

    class Timed(TrainManager):
        """JoeyNMT's loop; the seconds since it began, those of validations left out."""

        began = trained = validating = 0.0
        validated = 0

        def train_and_validate(self, *data: Any, **named: Any) -> None:
            self.began = time.perf_counter()
            super().train_and_validate(*data, **named)

        def _train_step(self, batch: Any) -> tuple[float, int]:
            loss: tuple[float, int] = super()._train_step(batch)
            self.trained = time.perf_counter() - self.began - self.validating
            due = seconds * (1 + (self.validated + 1) / validations) / 2
            over = self.trained >= seconds
            # The loop looks at both after the update that follows.
            self.args = self.args._replace(
                validation_freq=1 if over or self.trained >= due else NEVER
            )
            self.stats.is_max_update = over
            return loss

        def _validate(self, data: Any) -> None:
            start = time.perf_counter()
            super()._validate(data)
            self.validating += time.perf_counter() - start
            self.validated += 1

    return Timed(rank=0, **made_from)


def mean_weights(checkpoints: list[Path]) -> dict[str, torch.Tensor]:
    states = [torch.load(path, map_location="cpu")["model_state"] for path in checkpoints]
    return {name: torch.stack([one[name] for one in states]).mean(0) for name in states[0]}


def scores(translations: list[str], references: list[str]) -> dict[str, Any]:
    """BLEU and chrF as sacrebleu has them by default, with their signatures."""
    from sacrebleu.metrics import BLEU, CHRF

    found: dict[str, Any] = {}
    signatures = []
    for name, metric in (("BLEU", BLEU()), ("chrF", CHRF())):
        found[name] = round(metric.corpus_score(translations, [references]).score, 2)
        signatures.append(f"{name} {metric.get_signature()}")
    return {**found, "signature": "; ".join(signatures)}


def main() -> None:
    arguments = parse()
    if arguments.keep_memory:
        keep_memory()
    torch.set_num_threads(1)
    import yaml
    from joeynmt.config import load_config, parse_global_args, set_validation_args
    from joeynmt.helpers import make_model_dir
    from joeynmt.prediction import predict, prepare

    keep: Path = arguments.keep
    keep.mkdir(parents=True)
    unpack(arguments.folder, keep)
    learn_subwords(keep, arguments.vocab_size)
    (keep / "config.yaml").write_text(yaml.safe_dump(configuration(arguments)), encoding="utf-8")
    config = load_config(keep / "config.yaml")
    make_model_dir(Path(config["model_dir"]))
    settings = parse_global_args(config, rank=0, mode="train")
    # Its configuration has no bf16 on a CPU, its classes do.
    autocast = {"device_type": "cpu", "enabled": arguments.bf16, "dtype": torch.bfloat16}
    model, train_data, val_data, _ = prepare(settings, rank=0, mode="train")
    trainer = manager(
        arguments.minutes * 60,
        arguments.validations,
        model=model,
        model_dir=settings.model_dir,
        device=settings.device,
        autocast=autocast,
        seed=settings.seed,
        train_args=settings.train,
        dev_args=set_validation_args(settings.test),
    )
    watch = LoadWatch()
    processor = time.process_time()
    trainer.train_and_validate(train_data=train_data, valid_data=val_data)
    processor = time.process_time() - processor

    references = (keep / f"val.{TARGET}").read_text(encoding="utf-8").splitlines()

    def translated(checkpoints: list[Path], name: str) -> dict[str, Any]:
        model.load_state_dict(mean_weights(checkpoints))
        found = predict(
            model, val_data, settings.device, n_gpu=0, args=settings.test, autocast=autocast
        )
        translations = found[2]
        (keep / f"{name}.{TARGET}").write_text("\n".join(translations) + "\n", encoding="utf-8")
        return scores(translations, references)

    best = translated([settings.model_dir / "best.ckpt"], "best")
    averaged = translated([path for _, path in trainer.ckpt_queue], "averaged")
    line = {
        "peer": "joeynmt",
        "minutes": arguments.minutes,
        "seed": arguments.seed,
        **best,
        "averaged": {name: averaged[name] for name in ("BLEU", "chrF")},
        "steps": trainer.stats.steps,
        "best_step": trainer.stats.best_ckpt_iter,
        "greedy_BLEU": round(trainer.stats.best_ckpt_score, 2),
        "parameters": sum(each.numel() for each in model.parameters()),
        "target_tokens": trainer.stats.total_tokens,
        "epochs": trainer.stats.epochs,
        "seconds": round(trainer.trained, 1),
        "processor_seconds": round(processor, 1),
        "validation_seconds": round(trainer.validating, 1),
        "settings": {k: str(v) if isinstance(v, Path) else v for k, v in vars(arguments).items()},
        **watch.report(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
