"""Shapes of the API's answers, for its OpenAPI description."""

from typing import Any

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """A request without an answer."""

    error: str = Field(description="the reason in one line")


class Health(BaseModel):
    """The server is there."""

    ok: bool
    task: str


class Classified(BaseModel):
    """Answer of a classifier."""

    label: str = Field(description="the most probable class")
    probability: float
    runner_up: str = Field(description="the second most probable class")
    probabilities: dict[str, float] = Field(description="of each class, the most probable first")
    steps: int = Field(description="number of words or frames that were read")
    unknown_share: float = Field(description="share of words that are not in the vocabulary")
    explanation: dict[str, Any] | None = Field(
        None,
        description="with explain: the timeline after each step, what each step adds to the log-odds"
        " of the label (shares) and of the runner-up (why_not), the pieces of a text or some frames",
    )


class Written(BaseModel):
    """Answer of a model that writes."""

    text: str
    score: float
    log_probability: float
    finished: bool = Field(description="false: cut off at the greatest length")
    tokens: list[str] = Field(description="of the answer, one by one")
    attention: list[Any] = Field(
        description="for each token the weight of each token or frame of the source; of a picture,"
        " of each of its places"
    )
    source_tokens: list[str] | None = None
    frames: list[str] | None = None
    explanation: dict[str, Any] | None = None


class SeveralClassified(BaseModel):
    """Answers to several texts, in their order; an item may be a problem."""

    answers: list[Classified | Problem]


class SeveralWritten(BaseModel):
    """Answers to several texts, in their order; an item may be a problem."""

    answers: list[Written | Problem]


_ANSWERS: dict[str, tuple[Any, Any]] = {
    "classes": (Classified, SeveralClassified),
    "text": (Written, SeveralWritten),
}


def answer_model(answers_with: str, *, is_list: bool) -> Any:
    """Shape of an answer; ``answers_with`` as in `Served`, and whether it may be a list."""
    one, several = _ANSWERS[answers_with]
    return one | several if is_list else one


TEXT = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "texts": {"type": "array", "items": {"type": "string"}},
        "explain": {"type": "boolean", "default": False},
    },
    "example": {"text": "a fine film", "explain": False},
}
FILE = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "byte", "description": "in base64"},
        "explain": {"type": "boolean", "default": False},
    },
}
FORM = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "explain": {"type": "string", "enum": ["0", "1"]},
    },
}


def body_of(takes: str) -> dict[str, Any]:
    """Describe the body of a question in OpenAPI's terms; ``takes`` as in `Served.takes`."""
    if takes == "text":
        return {"required": True, "content": {"application/json": {"schema": TEXT}}}
    raw = {"schema": {"type": "string", "format": "binary"}}
    return {
        "required": True,
        "content": {
            "application/octet-stream": raw,
            "multipart/form-data": {"schema": FORM},
            "application/json": {"schema": FILE},
        },
    }
