"""The form of an answer: a JSON schema for the endpoint, and the same held against what comes back."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MOST_CLAIMS = 40
MOST_CHARACTERS = 2000  # of a field


class Claim(BaseModel):
    """One claim of an answer.

    Attributes:
        statement: what is wrong, in a sentence.
        path: the file.
        line: from 1.
        quote: the line, word for word.
        blocks: whether it stops a run or makes its result worthless.
        why: what happens because of it.
        fix: what to do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    statement: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    path: str = Field(min_length=1, max_length=300)
    line: int = Field(ge=1)
    quote: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    blocks: bool
    why: str = Field(max_length=MOST_CHARACTERS)
    fix: str = Field(max_length=MOST_CHARACTERS)


class Answer(BaseModel):
    """What a question is answered with."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    answer: Literal["no defect", "defects", "cannot tell"]
    claims: tuple[Claim, ...] = Field(max_length=MOST_CLAIMS)


class Nonsense(Exception):  # noqa: N818 - what came back, not what went wrong here
    """An answer that is none; the text says in what."""


def parse(text: str) -> Answer:
    """Read an answer.

    Raises:
        Nonsense: it is not of the form, or contradicts itself.
    """
    try:
        answer = Answer.model_validate_json(unfenced(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        known = {*Answer.model_fields, *Claim.model_fields}  # a name that the answer made up is not repeated
        parts = (str(part) if isinstance(part, int) or part in known else "unknown key" for part in first["loc"])
        where = ".".join(parts)
        raise Nonsense(f"{where + ': ' if where else ''}{first['msg']}"[:300]) from error
    if bool(answer.claims) != (answer.answer == "defects"):
        raise Nonsense(f"it says {answer.answer!r} and makes {len(answer.claims)} claims")
    return answer


def unfenced(text: str) -> str:
    """The text without a byte order mark, and without the fence that some models put around JSON."""
    bare = text.strip().removeprefix("\ufeff").strip()
    if not bare.startswith("```"):
        return bare
    return bare.removeprefix("```json").removeprefix("```").removesuffix("```").strip()


def response_format() -> dict[str, Any]:
    """The structured output that an endpoint is asked for (OpenAI's ``response_format``, strict)."""
    string = {"type": "string"}
    claim = {
        "statement": string,
        "path": string,
        "line": {"type": "integer"},
        "quote": string,
        "blocks": {"type": "boolean"},
        "why": string,
        "fix": string,
    }
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["answer", "claims"],
        "properties": {
            "answer": {"type": "string", "enum": ["no defect", "defects", "cannot tell"]},
            "claims": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": list(claim),
                    "properties": claim,
                },
            },
        },
    }
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
