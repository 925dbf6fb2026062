"""Values of files, and the types that annotations name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

import pytest
import torch

from data.files.plain_values import fits, is_plain


class Named(TypedDict):
    name: str
    size: NotRequired[int]


@pytest.mark.parametrize(
    ("value", "hint", "is_fit"),
    [
        (1, int, True),
        (True, int, False),
        (1, bool, False),
        (1, float, True),
        (1.5, int, False),
        (True, float, False),
        ("1", int, False),
        (None, int | None, True),
        ("a", int | None, False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (True, Literal[1], False),
        (3, Literal["none", "all"] | int, True),
        ([1, 2], list[int], True),
        ([1, "2"], list[int], False),
        ("12", Sequence[str], False),
        ([0.9, 0.99], tuple[float, float], True),
        ([0.9], tuple[float, float], False),
        ([1, 2, 3], tuple[int, ...], True),
        (3, tuple[int, ...], False),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, Mapping[str, int], False),
        ({"name": "a", "more": 1}, Named, True),
        ({"name": "a", "size": "b"}, Named, False),
        ({"size": 1}, Named, False),
        (torch.zeros(2), torch.Tensor, True),
        ([1], list, True),
        ("os.system", Callable[[int], int], False),
        ("os.system", type[int], False),
        ({"a": [1, None, "b"]}, Any, True),
        ({1: 2}, Any, False),
        (open, Any, False),
    ],
    ids=str,
)
def test_values_and_their_types(value, hint, is_fit):
    assert fits(value, hint) is is_fit


def test_values_that_repeat_themselves_are_gone_through_once():
    value: list = []
    for _ in range(100):
        value = [value, value]
    assert is_plain(value)
    value.append(value)
    assert is_plain(value)
    assert not is_plain([value, object()])
