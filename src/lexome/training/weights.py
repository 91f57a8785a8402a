"""The weights that a run writes: as they are now, the best so far, and those that it ends with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from lexome.errors import LexomeError
from lexome.languages.base import Tokenizer
from lexome.model import load_model, save_model
from lexome.model.adapter_folder import CONFIG as ADAPTER_CONFIG
from lexome.model.adapter_folder import save_adapter
from lexome.model.storage import replacing
from lexome.training.run import ADAPTER, BEST, MODEL
from lexome.training.session import Session


class Weights:
    """The model folder of a run, its adapter where one is trained, and the best ones of each.

    Each folder is replaced as a whole. The first worker writes, the others give it their share.
    """

    def __init__(
        self, folder: Path, session: Session, tokenizer: Tokenizer, told: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self.session = session
        self.tokenizer = tokenizer
        self.told = told

    def write(self) -> None:
        """Write the weights as they are; all workers call this together."""
        self._write(self.folder)

    def write_best(self, step: int) -> None:
        """Keep the weights of `step` as the best ones; all workers call this together."""
        self._write(self.folder / BEST / str(step))

    def prune_best(self, step: int) -> None:
        """Delete the best weights of all steps but `step`."""
        for folder in (self.folder / BEST).glob("*"):
            if folder.name != str(step):
                shutil.rmtree(folder, ignore_errors=True)

    def put_best(self, step: int) -> str:
        """Make the best weights, of `step`, those of the run; return why it cannot be done."""
        best = self.folder / BEST / str(step)
        try:
            model = load_model(best / MODEL)
        except LexomeError as error:
            return str(error)
        if (best / ADAPTER).is_dir():
            with replacing(self.folder / ADAPTER, ADAPTER_CONFIG, "an adapter") as part:
                shutil.copytree(best / ADAPTER, part, dirs_exist_ok=True)
        save_model(self.folder / MODEL, model, tokenizer=self.tokenizer)
        return ""

    def _write(self, folder: Path) -> None:
        model, start = self.session.whole_model(), self.session.start
        if self.session.world.first:
            save_model(folder / MODEL, model, tokenizer=self.tokenizer)
            if start is not None and start.method in ("lora", "probe"):
                self._write_adapter(folder / ADAPTER, start.base)
        self.session.world.wait()

    def _write_adapter(self, folder: Path, base: str) -> None:
        try:
            save_adapter(folder, self.session.model, base=base)
        except LexomeError as error:
            # The merged model says the same; only its form is missing.
            self.told(f"no adapter is written: {error.what}")
