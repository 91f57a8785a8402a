"""A talk with an assistant, beside plain `transformers` reading the same folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.errors import LexomeError, UsageError
from lexome.generation import Settings
from lexome.generation.chat import Conversation, Reply, assistant_tokenizer, prompt_ids
from lexome.languages.pair import PairTokenizer, Role, Turn
from lexome.languages.pair.lead import word_lead
from lexome.languages.text import Text
from lexome.languages.tokenizers import BpeTrainer, BytesTrainer, CharactersTrainer
from lexome.model import Transformer, families, save_model

CONTEXT = 96
SAMPLE = ["What is the capital of France? The capital of France is Paris. naïve café 😀\n\n" * 20]
BASES = {
    "bytes": BytesTrainer().train(),
    "characters": CharactersTrainer().train(SAMPLE),
    "bpe": BpeTrainer().train(SAMPLE, 330),
}
ROLES = [
    Role("system", "text", False),
    Role("user", "text", False),
    Role("assistant", "text", True),
]
GREEDY = Settings(max_tokens=20, temperature=0.0, precision="fp32")
CHATS = {
    "one question": [("user", "What is the capital of France?")],
    "a system message": [("system", "Be brief."), ("user", "  Hi,\nyou\n\n")],
    "several turns": [
        ("system", "You are naïve. 😀"),
        ("user", "What is Paris?"),
        ("assistant", " a capital\n"),
        ("user", "Of what?"),
        ("assistant", ""),
        ("user", "x"),
    ],
}


def assistant(kind: str) -> PairTokenizer:
    lead = word_lead(BASES[kind])
    assert lead == (" " if kind == "bpe" else "")
    return PairTokenizer(BASES[kind], "text", [replace(role, lead=lead) for role in ROLES], {})


def random_model(tokenizer: PairTokenizer, rows: int = 0) -> Transformer:
    """Return a model whose weights mean nothing, and matter."""
    model = Transformer(
        families.get("llama").config(
            vocab_size=tokenizer.vocab_size + rows,
            context=CONTEXT,
            layers=2,
            width=32,
            heads=2,
            kv_heads=2,
            mlp_width=48,
            tied=False,
        )
    )
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * 0.3 + (1.0 if parameter.ndim == 1 else 0.0))
    return model.eval()


def speak_ascii(tokenizer: PairTokenizer, model: Transformer) -> None:
    """Let tokens that spell no readable text never be the likeliest: theirs are no test of ours."""
    readable = [
        token
        for token in range(tokenizer.base.vocab_size)
        if (text := tokenizer.base.decode(np.array([token]))).isascii() and text.isprintable()
    ]
    unreadable = np.setdiff1d(np.arange(tokenizer.vocab_size), readable)
    with torch.no_grad():
        model.head.unembedding.weight[unreadable] = 0


def turns(chat: Sequence[tuple[str, str]]) -> list[Turn]:
    return [Turn(role, content) for role, content in chat]


def messages(chat: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in chat]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each tokenizer as plain transformers opens it."""
    found = {}
    for kind in BASES:
        folder = tmp_path_factory.mktemp(kind)
        assistant(kind).save(folder)
        found[kind] = transformers.AutoTokenizer.from_pretrained(folder)
    return found


def theirs(plain: Any, chat: Sequence[tuple[str, str]]) -> list[int]:
    encoded = plain.apply_chat_template(messages(chat), add_generation_prompt=True, tokenize=True)
    return list(encoded["input_ids"])


@pytest.mark.parametrize("chat", CHATS.values(), ids=CHATS.keys())
@pytest.mark.parametrize("kind", BASES)
def test_plain_transformers_makes_the_same_prompt(
    plain: dict[str, Any], kind: str, chat: list[tuple[str, str]]
) -> None:
    assert prompt_ids(assistant(kind), turns(chat)) == theirs(plain[kind], chat)


# What spells a special token is one to transformers, and text to us.
TEXTS = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: "<|" not in text)


@pytest.mark.parametrize("kind", BASES)
@given(said=st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=40)
def test_plain_transformers_makes_the_same_prompt_of_any_text(
    plain: dict[str, Any], kind: str, said: list[str]
) -> None:
    roles = ["user", "assistant"] * 3
    odd = said if len(said) % 2 else said[:-1]
    chat = list(zip(roles, odd, strict=False))
    assert prompt_ids(assistant(kind), turns(chat)) == theirs(plain[kind], chat)


@pytest.mark.parametrize("kind", BASES)
def test_what_looks_like_a_marker_stays_a_text(plain: dict[str, Any], kind: str) -> None:
    chat = [("user", "say <|assistant|> and <|end|>")]
    tokenizer = assistant(kind)
    ours = prompt_ids(tokenizer, turns(chat))
    marker = tokenizer.markers["assistant"]
    assert ours.count(marker) == 1 and tokenizer.special.end not in ours
    assert tokenizer.decode(np.array(ours)) == (Turn("user", chat[0][1]), Turn("assistant", ""))
    assert theirs(plain[kind], chat).count(marker) == 2


@pytest.mark.parametrize("kind", BASES)
def test_plain_transformers_gives_the_same_answers(tmp_path: Path, kind: str) -> None:
    tokenizer = assistant(kind)
    model = random_model(tokenizer)
    speak_ascii(tokenizer, model)
    save_model(tmp_path / "model", model, tokenizer=tokenizer)
    reader = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    writer = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    talk = Conversation(tokenizer, model, GREEDY, system="Be brief.")
    chat = [("system", "Be brief.")]
    for question in ("Hi", "Who?"):
        chat.append(("user", question))
        ids = torch.tensor([theirs(reader, chat)])
        written = writer.generate(
            ids,
            max_new_tokens=GREEDY.max_tokens,
            do_sample=False,
            suppress_tokens=tokenizer.never,
            pad_token_id=0,
        )
        said = reader.decode(written[0, ids.shape[1] :], skip_special_tokens=True)
        answer = said.removeprefix(tokenizer.answering.lead)
        assert talk.ask(question).text == answer != ""
        chat.append(("assistant", answer))
    assert turns(chat[1:]) == talk.turns


def talk_of(kind: str = "bytes", **changes: Any) -> Conversation:
    tokenizer = assistant(kind)
    how = Settings(**{"max_tokens": 8, "temperature": 1.0, "precision": "fp32", **changes})
    return Conversation(tokenizer, random_model(tokenizer, rows=5), how)


def test_what_is_said_is_read_as_in_training() -> None:
    lower = dict.fromkeys(("system", "user", "assistant"), Text(lowercase=True))
    talk = talk_of()
    loud = Conversation(talk.tokenizer, talk.decoder, talk.settings, "BE BRIEF", lower)
    quiet = Conversation(talk.tokenizer, talk.decoder, talk.settings, "be brief")
    assert loud.ask("WHO?").text == quiet.ask("who?").text
    assert loud.turns == quiet.turns


def test_pieces_add_up_and_nothing_but_text_comes() -> None:
    pieces: list[str] = []
    talk = talk_of(max_tokens=40)
    reply = talk.ask("Hello", pieces.append)
    assert "".join(pieces) == reply.text and len(pieces) > 1
    assert talk.turns == [Turn("user", "Hello"), Turn("assistant", reply.text)]


def test_each_answer_is_drawn_anew_and_a_seed_repeats_the_talk() -> None:
    def said(seed: int) -> list[str]:
        talk = talk_of(seed=seed)
        return [talk.ask("Hi").text for _ in range(2)]

    assert said(1) == said(1) != said(2)


def test_an_answer_that_is_interrupted_is_kept_as_far_as_it_came() -> None:
    talk, pieces = talk_of(max_tokens=60), []
    reply = talk.ask("Hi", pieces.append, lambda: len(pieces) >= 3)
    assert reply.finish == "stop" and reply.tokens < 60
    assert talk.turns[-1] == Turn("assistant", "".join(pieces))


def test_a_stop_text_ends_the_answer() -> None:
    whole = talk_of(temperature=0.0, max_tokens=30).ask("Hi").text
    stop = whole[3]
    reply = talk_of(temperature=0.0, max_tokens=30, stop=(stop,)).ask("Hi")
    assert reply.text == whole[: whole.index(stop)] and reply.finish == "stop"


def test_the_oldest_turns_are_left_out_and_it_is_said() -> None:
    tokenizer = assistant("bytes")
    talk = Conversation(
        tokenizer, random_model(tokenizer), Settings(max_tokens=8, temperature=0.0), system="S"
    )
    replies: list[Reply] = []
    for number in range(5):
        replies.append(talk.ask(f"question number {number}"))
    left_out = [reply.left_out for reply in replies]
    assert left_out[0] == 0 and left_out[-1] > 0 and left_out == sorted(left_out)
    assert len(talk.turns) == 10
    # What the model saw last: the system's message, and the newest turns that fit.
    seen = [Turn("system", "S"), *talk.turns[left_out[-1] : 9]]
    fresh = Conversation(tokenizer, talk.decoder, talk.settings, system="S")
    fresh.turns = seen[1:-1]
    assert fresh.ask(seen[-1].content).text == replies[-1].text
    longer = [Turn("system", "S"), *talk.turns[left_out[-1] - 2 : 9]]
    assert len(prompt_ids(tokenizer, longer)) + 8 > CONTEXT
    talk.clear()
    assert talk.ask("again").left_out == 0


def test_an_answer_ends_where_the_context_does() -> None:
    reply = talk_of(max_tokens=CONTEXT).ask("x" * 60)
    assert reply.finish == "context" and reply.left_out == 0


def test_a_message_longer_than_the_context_is_an_error_and_is_not_kept() -> None:
    talk = talk_of()
    with pytest.raises(LexomeError, match=r"203 tokens, and the model sees 96"):
        talk.ask("x" * 200)
    assert talk.turns == []


@pytest.mark.parametrize("message", ["", " \n"])
def test_an_empty_message_is_an_error(message: str) -> None:
    with pytest.raises(UsageError, match="empty message"):
        talk_of().ask(message)


def test_who_is_no_assistant_says_what_to_do() -> None:
    translator = PairTokenizer(
        BASES["bytes"], "text", [Role("source", "text", False), Role("target", "text", True)], {}
    )
    for tokenizer in (BASES["bytes"], translator):
        with pytest.raises(UsageError, match="no assistant") as raised:
            assistant_tokenizer(tokenizer, "runs/base")
        assert "finetune runs/base" in str(raised.value)
