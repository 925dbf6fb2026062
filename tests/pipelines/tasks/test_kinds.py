import ast

import pytest

from data.files.errors import InputError
from pipelines.predict.steps import Reader
from pipelines.tasks.kinds import KINDS, classifiers, kind_of
from pipelines.tasks.task import Task
from tests import ROOT


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_part_of_a_kind_is_there(kind):
    assert issubclass(kind.task_class, Task)
    assert kind.task_class.headline.direction in ("max", "min")
    assert set(kind.data_class.linked) <= set(dir(kind.data_class))
    assert callable(kind.write_report)
    assert issubclass(kind.reader_class, Reader)


def test_an_unknown_kind_is_one_line():
    with pytest.raises(InputError, match="films: no kind of model; give one of video, sentiment"):
        kind_of("films")
    assert "language" not in classifiers()


def compared(tree):
    """All texts that are compared with something, or stand in what something is looked up in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for side in [node.left, *node.comparators]:
                yield from (n.value for n in ast.walk(side) if isinstance(n, ast.Constant))


def test_nobody_asks_for_the_name_of_a_task():
    asking = [
        path.relative_to(ROOT)
        for path in (ROOT / "pipelines").rglob("*.py")
        if {*compared(ast.parse(path.read_text()))} & {*KINDS}
    ]
    assert asking == []
