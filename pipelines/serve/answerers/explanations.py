"""Explanations of a classifier's answer: the answer along the way, each step's share, the runner-up.

T steps of an item · P places of the running answer · K classes
"""

from typing import Any

import numpy as np
import torch

from models.sequence.running_answer import running_answer
from pipelines.pages.figures import image_url
from pipelines.pages.thinning import thinned
from pipelines.predict.predictor import Predictor
from pipelines.predict.steps import ItemSteps
from pipelines.report.attribution import COMPLETE, Attribution, integrated_gradients
from pipelines.report.shown_examples import most_read_steps

#: number of places of the running answer that are sent
MOST_PLACES = 1_000
#: the backward pass over more steps takes minutes
MOST_EXPLAINED = 3_000
# A model that looks ahead reads each beginning by itself: so many steps in all.
_MOST_BEGINNINGS_STEPS, _LEAST_PLACES, _MOST_PLACES_AHEAD = 100_000, 20, 200
_MOST_LISTED = 5
_NUM_FRAMES, _FRAME_PX = 12, 160


def explanation(predictor: Predictor, item: ItemSteps, answer: dict[str, Any]) -> dict[str, Any]:
    """Explain an answer in plain values.

    Keys: ``timeline``, the probabilities of the label and the runner-up after each step;
    ``shares``, what each step adds to the log-odds of the label; ``why_not``, the same for the
    runner-up, and the steps that speak most for it. Shares are None for more than `MOST_EXPLAINED`
    steps.
    """
    model = predictor.model
    label, runner_up = (predictor.classes.index(answer[k]) for k in ("label", "runner_up"))
    lengths = torch.tensor([len(item.steps)], device=predictor.device)
    with torch.no_grad():
        steps = predictor.steps.together([item]).to(predictor.device)
        features = model.model.encoder.encode_ragged(steps, lengths)
    affordable = max(2 * _MOST_BEGINNINGS_STEPS // len(features), _LEAST_PLACES)
    num_places = min(affordable, _MOST_PLACES_AHEAD)
    running = running_answer(model.model, features, most=num_places, steps=steps)
    shares = model.probabilities(running.scores, running.lengths).numpy()
    at = thinned(len(shares), MOST_PLACES)
    steps_read = running.lengths.cpu().numpy()[at]
    found: dict[str, Any] = {
        "timeline": {
            "steps": steps_read.tolist(),
            "seconds": None if item.seconds is None else item.seconds[steps_read - 1].tolist(),
            "label": shares[at, label].round(5).tolist(),
            "runner_up": shares[at, runner_up].round(5).tolist(),
        },
        "shares": None,
        "why_not": None,
    }
    if len(item.steps) > MOST_EXPLAINED:
        return found
    for_label = _shares(predictor, features, label)
    # With two classes, evidence for one is evidence against the other.
    if len(predictor.classes) == 2:
        for_other = for_label._replace(steps=-for_label.steps, difference=-for_label.difference)
    else:
        for_other = _shares(predictor, features, runner_up)
    order = np.argsort(-for_other.steps, kind="stable")[:_MOST_LISTED]
    most = [int(k) for k in order if for_other.steps[k] > 0]
    return found | {
        "shares": _plain(for_label),
        "why_not": {"class": answer["runner_up"], **_plain(for_other), "most": most},
    }


def _shares(predictor: Predictor, features: torch.Tensor, target: int) -> Attribution:
    return integrated_gradients(
        predictor.model.model.read,
        features.float(),
        target,
        most_steps=most_read_steps(len(features)),
    )


def _plain(found: Attribution) -> dict[str, Any]:
    return {
        "steps": found.steps.round(5).tolist(),
        "difference": found.difference,
        "error": found.error,
        "is_complete": found.error <= COMPLETE * max(1.0, abs(found.difference)),
    }


def frames_shown(item: ItemSteps, *, most: int = _NUM_FRAMES) -> list[dict[str, Any]]:
    """Some frames of a clip, evenly spread, as small pictures."""
    count = min(len(item.steps), most)
    # Each stands over the middle of its share of the curve.
    places = [int((k + 0.5) * len(item.steps) / count) for k in range(count)]
    return [
        {
            "step": place + 1,
            "seconds": None if item.seconds is None else float(item.seconds[place]),
            "picture": str(image_url(item.steps[place], side_px=_FRAME_PX)),
        }
        for place in places
    ]
