"""The template of a conversation, in the form in which plain `transformers` applies it."""

from __future__ import annotations

from collections.abc import Mapping

from lexome.languages.pair.turns import Role, answering


def chat_template(roles: Mapping[str, Role]) -> str:
    """Return a Jinja template that writes messages, `role` and `content`, as they are trained on.

    With `add_generation_prompt` it ends where the answer begins. All roles of a conversation have
    one lead.
    """
    answer = answering(roles)
    led = "message['content']"
    if answer.lead:
        led = f"('{answer.lead}' + {led} if {led} else '')"
    return (
        "{{ bos_token }}"
        "{% for message in messages %}"
        f"{{{{ '<|' + message['role'] + '|>' + {led} }}}}"
        f"{{% if message['role'] == '{answer.name}' %}}{{{{ eos_token }}}}{{% endif %}}"
        "{% endfor %}"
        f"{{% if add_generation_prompt %}}{{{{ '{answer.marker}' }}}}{{% endif %}}"
    )
