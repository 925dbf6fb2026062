"""Table and page of a suite's figures."""

from collections.abc import Sequence
from typing import Any

from pipelines.behaviour.suite import DIRECTION, GROUP, INVARIANCE, MINIMUM, RESTRAINT
from pipelines.pages.page import render_page
from pipelines.runtime.escaping import printable

MEANS = {
    MINIMUM: "probability of the right class",
    INVARIANCE: "change of the probability",
    GROUP: "words answered unlike most",
    DIRECTION: "rise of the class's probability",
    RESTRAINT: "highest probability",
}
HEADER = ["test", "kind", "cases", "failures", "share", "95 %", "mean"]
FOOTNOTES = [
    "A case of minimum functionality fails if its answer is wrong; of invariance, if a changed text"
    " has another class than its original; of group invariance, if not all words of a list lead to one"
    " class; of direction, if the class's probability falls by more than the tolerance; of restraint, if"
    " a class has a higher probability than allowed. Intervals are Wilson's. A test's cases are made of"
    " few sentences and many words, and are alike: the intervals are too narrow for other sentences.",
    "The mean: " + "; ".join(f"of {kind}, {told}" for kind, told in MEANS.items()) + ".",
]


def title_of(test: dict[str, Any]) -> str:
    """Name of a test, and what its originals are if they are no templates."""
    return test["name"] + (", in texts" if test["originals"] == "texts" else "")


def rows(tests: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Rows of the table (see `HEADER`)."""
    return [[title_of(one), one["kind"], *_cells(one)] for one in tests]


def _cells(test: dict[str, Any]) -> list[str]:
    if not test["cases"]:
        return ["0", "0", "–", "–", "–"]
    low, high = test["interval"]
    return [
        f"{test['cases']:,}",
        f"{test['failures']:,}",
        f"{test['share']:.1%}",
        f"{low:.1%} – {high:.1%}",
        f"{test['mean']:+.3f}" if test["kind"] == DIRECTION else f"{test['mean']:.3f}",
    ]


def lead(found: dict[str, Any]) -> str:
    """Sum up the figures of a suite in a sentence."""
    told = ", ".join(f"{kind} {one['share']:.1%}" for kind, one in found["by_kind"].items())
    cases = sum(one["cases"] for one in found["by_kind"].values())
    return f"Failures in {cases:,} cases of {len(found['tests'])} behaviour tests: {told}."


def learnt_remark(found: dict[str, Any]) -> str:
    """Tell how many texts of the suite the model has learnt."""
    if found["num_learnt"] is None:
        return "Whether the model was trained on these sentences, its checkpoint does not tell."
    if not found["num_learnt"]:
        return "The model was trained on none of these sentences."
    return (
        f"The model was trained on {found['num_learnt']:,} of the {found['num_texts']:,} texts: the"
        " figures are too good by them."
    )


def text(found: dict[str, Any]) -> str:
    """Format the table for the terminal."""
    table = [HEADER, *rows(found["tests"])]
    widths = [max(len(row[k]) for row in table) for k in range(len(HEADER))]
    lines = [
        "  ".join(
            cell.ljust(width) if k < 2 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]
    lines.append(lead(found))
    return "\n".join(printable(line.rstrip()) for line in lines)


def failure_rows(test: dict[str, Any], most: int) -> list[list[str]]:
    """Rows (texts, P(positive), expected) of the first failures of a test."""
    found = []
    for one in test["failed"][:most]:
        told = one["expected"] or ""
        if test["kind"] == DIRECTION:
            told = f"not less {one['expected']}"
        elif test["kind"] in (INVARIANCE, GROUP):
            told = "the same"
        elif test["kind"] == RESTRAINT:
            told = "not so sure"
        shares = " → ".join(f"{share:.3f}" for share in one["positive"])
        found.append([" → ".join(one["texts"]), shares, told])
    return found


def section(found: dict[str, Any], *, most: int) -> dict[str, Any]:
    """Values of the section that the page and the report of a classifier share.

    Args:
        found: figures of the suite.
        most: how many failures of each test are shown.
    """
    return {
        "lead": lead(found),
        "remark": learnt_remark(found),
        "header": HEADER,
        "rows": rows(found["tests"]),
        "footnotes": FOOTNOTES,
        "failures": [
            {
                "title": title_of(one),
                "about": one["about"],
                "failures": one["failures"],
                "rows": failure_rows(one, most),
            }
            for one in found["tests"]
            if one["failed"]
        ],
    }


def behaviour_page(found: dict[str, Any], *, most: int) -> str:
    """Render the page; raises as `render_page` does."""
    return render_page(
        "behaviour.html",
        title="Behaviour of a sentiment classifier",
        checkpoint=found["checkpoint"],
        remarks=found["remarks"],
        found=section(found, most=most),
    )
