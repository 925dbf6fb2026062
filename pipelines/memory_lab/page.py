"""Page of the memory lab: pictures of the findings, and in words what follows from them."""

from itertools import takewhile
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipelines.pages.figures import panels
from pipelines.pages.page import render_page
from pipelines.pages.palette import AMBER, BLUE, GREY, NAVY, RED

COLORS = {"RNN": RED, "GRU": AMBER, "LSTM": BLUE, "LSTM, open": NAVY}
# Smaller norms, which float32 rounds to zero or nearly so, are drawn here on the logarithmic axis.
SMALLEST = 1e-40


def memory_page(found: dict[str, Any]) -> str:
    """Render the page of `run_lab`'s findings."""
    recall, adding = found["recall"], found["adding"]
    return render_page(
        "memory_lab.html",
        title="What a recurrent network remembers",
        conclusion=_conclusion(found),
        sizes=_sizes(found),
        recall=recall,
        recall_figure=_recall_figure(recall),
        recall_header=["delay", *(f"{delay:,}" for delay in recall["delays"])],
        recall_rows=[
            [name, *(f"{share:.2f}" for share in row)] for name, row in recall["accuracy"].items()
        ],
        gradients=found["gradients"],
        gradients_figure=_gradients_figure(found["gradients"]),
        arriving=_arriving(found["gradients"]),
        clipping=_clipping(found["clipping"]),
        clipping_figure=_clipping_figure(found["clipping"]),
        adding_num_steps=adding["num_steps_long"],
        adding_figure=_adding_figure(adding),
        adding_rows=[[name, f"{_end(run):.4f}"] for name, run in adding["runs"].items()],
    )


def _conclusion(found: dict[str, Any]) -> str:
    recall = found["recall"]
    solved = {}
    for name, row in recall["accuracy"].items():
        known = takewhile(lambda pair: pair[1] >= 0.9, zip(recall["delays"], row, strict=True))
        solved[name] = max((delay for delay, _ in known), default=0)
    parts = [
        f"{name}: up to {delay:,} steps" if delay else f"{name}: at no delay that was tried"
        for name, delay in solved.items()
    ]
    return (
        "Of the same size and with the same training, this is how long a symbol is remembered (right"
        f" nine times in ten). {'; '.join(parts)}.{_contrast(recall)}"
    )


def _contrast(recall: dict[str, Any]) -> str:
    """Name the longest delay at which the open LSTM answers and the vanilla RNN guesses."""
    rows = recall["accuracy"]
    told = [
        (delay, lstm, rnn)
        for delay, lstm, rnn in zip(recall["delays"], rows["LSTM, open"], rows["RNN"], strict=True)
        if lstm >= 0.9 and rnn <= recall["chance"] + 0.05
    ]
    if not told:
        return ""
    delay, lstm, rnn = told[-1]
    return (
        f" After {delay:,} steps the LSTM with open gates is right in {lstm:.0%}, the vanilla RNN in"
        f" {rnn:.0%}, which is guessing. Its gradient has vanished on the way back; the LSTM's goes"
        " along the cell state."
    )


def _sizes(found: dict[str, Any]) -> str:
    shown = ", ".join(
        f"{name}: {size['hidden_size']} units, {size['parameters']:,} parameters"
        for name, size in found["sizes"].items()
    )
    return f"{shown}."


def _arriving(gradients: dict[str, Any]) -> str:
    """List for each network the share of the gradient that arrives at the first step."""
    parts = []
    for name, curves in gradients["curves"].items():
        state = "c" if "c" in curves else "h"
        first, end = curves[state][0], curves[state][-1]
        share = first / end if end > 0 else 0.0
        size = f"{share:.0e}" if share > 0 else "nothing that float32 can hold"
        parts.append(f"{name} ({'cell state' if state == 'c' else 'hidden state'}): {size}")
    return "; ".join(parts)


def _clipping(clipping: dict[str, Any]) -> dict[str, Any]:
    free, clipped = clipping["runs"]["without"], clipping["runs"]["with"]
    return {
        "largest": f"{max(free['gradient_norms']):.1e}",
        "norm": f"{clipping['clip_norm']:g}",
        "end_without": _end(free),
        "end_with": _end(clipped),
    }


def _end(run: dict[str, Any]) -> float:
    return float(np.mean(run["losses"][-50:]))


def _recall_figure(recall: dict[str, Any]) -> Figure:
    figure, (axes,) = panels(1, width=8, height=3.4)
    for name, row in recall["accuracy"].items():
        axes.plot(recall["delays"], row, "o-", color=COLORS[name], label=name, linewidth=2)
    axes.axhline(recall["chance"], color=GREY, linestyle=":", linewidth=1.2, label="guessing")
    axes.set(xscale="log", ylim=(0, 1.04), xlabel="delay, steps", ylabel="accuracy")
    axes.set_xticks(recall["delays"], [f"{delay:,}" for delay in recall["delays"]])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9)
    return figure


def _gradients_figure(gradients: dict[str, Any]) -> Figure:
    figure, (axes,) = panels(1, width=8, height=3.4)
    back = -np.arange(gradients["num_steps"])[::-1]
    for name, curves in gradients["curves"].items():
        for state, norms in curves.items():
            drawn = np.maximum(np.asarray(norms), SMALLEST)
            is_beside = state == "h" and "c" in curves
            label = f"{name}, {'cell' if state == 'c' else 'hidden'} state"
            axes.plot(back, drawn, "--" if is_beside else "-", color=COLORS[name], label=label)
    axes.set(yscale="log", xlabel="steps before the end", ylabel="norm of the gradient")
    axes.legend(frameon=False, fontsize=9)
    return figure


def _clipping_figure(clipping: dict[str, Any]) -> Figure:
    figure, (back, norms, losses) = panels(3, width=4, height=3.4)
    steps_before = -np.arange(clipping["num_steps_long"])[::-1]
    for name, color in (("without", RED), ("with", BLUE)):
        run = clipping["runs"][name]
        arriving = np.maximum(clipping["back_in_time"][name], SMALLEST)
        back.plot(steps_before, arriving, color=color, linewidth=1.8, label=f"{name} clipping")
        norms.plot(run["gradient_norms"], color=color, linewidth=1, label=f"{name} clipping")
        losses.plot(_smooth(run["losses"]), color=color, linewidth=1.5, label=f"{name} clipping")
    norms.axhline(clipping["clip_norm"], color=GREY, linestyle=":", linewidth=1.2)
    back.set(yscale="log", xlabel="steps before the end", ylabel="gradient, first training step")
    norms.set(yscale="log", xlabel="training step", ylabel="norm of the gradient, before clipping")
    losses.set(yscale="log", xlabel="training step", ylabel="mean squared error")
    norms.legend(frameon=False, fontsize=9)
    return figure


def _adding_figure(adding: dict[str, Any]) -> Figure:
    figure, (axes,) = panels(1, width=8, height=3.4)
    for name, run in adding["runs"].items():
        axes.plot(_smooth(run["losses"]), color=COLORS[name], label=name, linewidth=1.8)
    axes.axhline(1 / 6, color=GREY, linestyle=":", linewidth=1.2, label="always 1")
    axes.set(yscale="log", xlabel="training step", ylabel="mean squared error")
    axes.legend(frameon=False, fontsize=9)
    return figure


def _smooth(values: list[float], width: int = 25) -> np.ndarray:
    kept = min(width, len(values))
    return np.convolve(np.asarray(values, float), np.ones(kept) / kept, mode="valid")
