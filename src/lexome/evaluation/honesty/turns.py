"""Questions in the form of pairs: a turn of who asks, and one of who answers."""

from __future__ import annotations

from collections.abc import Sequence

from lexome import generation
from lexome.errors import UsageError
from lexome.evaluation.facts import Question
from lexome.languages.pair import PairTokenizer, Turn

_TEXT = "text"


def in_turns(
    questions: Sequence[Question], tokenizer: PairTokenizer, abstention: str | None = None
) -> list[generation.Question]:
    """Return questions as ids, for `answer_distribution`: the answer is a turn, with its end.

    What a template says behind an answer is no part of it, since the end is. The last answer of
    each closed set is the abstention, where there is one. Raises `UsageError` where sources or
    targets are no text, and where the abstention is an answer already.
    """
    asking = [role for role in tokenizer.roles.values() if not role.predicted][-1]
    answering, part = tokenizer.answering, tokenizer.part(tokenizer.answering.name)
    if (asking.language, answering.language) != (_TEXT, _TEXT):
        raise UsageError(
            f"facts are asked for in text, and this run answers {asking.language} with "
            f"{answering.language}",
            fix="ask a run that was tuned on pairs of texts, or its base",
        )
    more = () if abstention is None else (abstention,)
    # A closed set is that of a relation, and the same for many questions.
    known: dict[tuple[str, ...], list[list[int]]] = {}
    found = []
    for question in questions:
        if abstention in question.answers:
            raise UsageError(
                f"{abstention!r} is what this run says where it knows nothing, and also an answer",
                where=f"the answers of {question.relation!r}",
                fix="tune with another --abstention",
            )
        if question.answers not in known:
            spoken = [answering.led(answer) for answer in (*question.answers, *more)]
            known[question.answers] = [
                [*part.shifted(ids).tolist(), tokenizer.special.end]
                for ids in part.tokenizer.encode(spoken)
            ]
        prompt = tokenizer.encode_prompt((Turn(asking.name, question.prompt),)).tolist()
        begun = [tokenizer.special.begin, *prompt]
        found.append(generation.Question(begun, known[question.answers], name=question.name))
    return found
