import pytest
import torch

from models.encoders.words import OneHot
from models.recurrence.recurrences import LSTM
from models.sequence.many_to_one import ManyToOne
from models.sequence.step_inputs import StepInputs

# Two sequences of 2 features: three steps, then one.
FEATURES = torch.tensor([[1.0, 0.0], [4.0, 2.0], [1.0, 7.0], [9.0, 5.0]], dtype=torch.float64)
LENGTHS = torch.tensor([3, 1])
EVERYTHING = {"difference": "absolute", "center": True, "scale": True, "project": 5, "gap": 2}


def given(features=FEATURES, lengths=LENGTHS, **options):
    return StepInputs(features.shape[1], **options).double()(features, lengths)


def test_without_options_features_pass_unchanged():
    assert torch.equal(given(), FEATURES)
    assert StepInputs(2).out_features == 2


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"difference": "signed"}, [[0, 0], [3, 2], [-3, 5], [0, 0]]),
        ({"difference": "absolute"}, [[0, 0], [3, 2], [3, 5], [0, 0]]),
        ({"difference": "signed", "gap": 2}, [[0, 0], [3, 2], [0, 7], [0, 0]]),
        ({"difference": "signed", "gap": 99}, [[0, 0], [3, 2], [0, 7], [0, 0]]),
    ],
)
def test_difference_by_hand(options, wanted):
    wanted = torch.tensor(wanted, dtype=torch.float64)
    assert torch.equal(given(keep=False, **options), wanted)
    assert torch.equal(given(**options), torch.cat([FEATURES, wanted], dim=1))
    assert StepInputs(2, **options).out_features == 4
    assert StepInputs(2, keep=False, **options).out_features == 2


def test_center_and_scale_by_hand():
    centered = torch.tensor([[-1, -3], [2, -1], [-1, 4], [0, 0]], dtype=torch.float64)
    torch.testing.assert_close(given(center=True), centered, atol=1e-14, rtol=0)
    deviation = torch.tensor([2.0, 26 / 3], dtype=torch.float64).sqrt()
    for center in (False, True):  # scaling centres
        scaled = given(scale=True, center=center)
        torch.testing.assert_close(scaled, centered / deviation, atol=1e-14, rtol=0)
    # The mean goes out of a difference anyhow; the scale stays in it.
    change = torch.tensor([[0, 0], [3, 2], [-3, 5], [0, 0]], dtype=torch.float64)
    torch.testing.assert_close(
        given(scale=True, difference="signed", keep=False), change / deviation, atol=1e-14, rtol=0
    )


def test_deviation_by_hand():
    distance = torch.tensor([[1, 3], [2, 1], [1, 4], [0, 0]], dtype=torch.float64)
    assert torch.equal(given(keep=False, deviation="absolute"), distance)
    assert torch.equal(given(deviation="absolute"), torch.cat([FEATURES, distance], dim=1))
    means = torch.tensor([[2.1, 3.1]] * 3 + [[9.1, 5.1]], dtype=torch.float64)
    torch.testing.assert_close(
        given(keep=False, deviation="relative"), (3 * distance / means - 0.7).clamp(max=8)
    )
    assert StepInputs(2, difference="signed", deviation="relative").out_features == 6


def test_standardized_by_the_training_steps_alone():
    inputs = StepInputs(2, deviation="absolute", standardize=True).double()
    inputs.fit([(FEATURES[:3], LENGTHS[:1]), (FEATURES[3:], LENGTHS[1:])])
    whole = given(deviation="absolute")
    wanted = (whole - whole.mean(0)) / whole.std(0, correction=0)
    torch.testing.assert_close(inputs(FEATURES, LENGTHS), wanted)
    far = inputs(1000 * FEATURES, LENGTHS)
    assert far.abs().max() == 8
    again = StepInputs(2, deviation="absolute", standardize=True).double()
    again.load_state_dict(inputs.state_dict())
    assert torch.equal(again(FEATURES, LENGTHS), wanted)
    assert "shift" not in StepInputs(2).state_dict()


def test_relative_deviations_are_left_as_they_are():
    inputs = StepInputs(2, deviation="relative", standardize=True).double()
    inputs.fit([(FEATURES, LENGTHS)])
    alone = given(keep=False, deviation="relative")
    torch.testing.assert_close(inputs(FEATURES, LENGTHS)[:, 2:], alone)
    standardized = (FEATURES - FEATURES.mean(0)) / FEATURES.std(0, correction=0)
    torch.testing.assert_close(inputs(FEATURES, LENGTHS)[:, :2], standardized)


def test_what_never_changes_while_training_stays_small():
    inputs = StepInputs(1, standardize=True)
    inputs.fit([(torch.full((5, 1), 3.0), torch.tensor([5]))])
    assert inputs(torch.tensor([[3.01]]), torch.tensor([1])).abs().item() < 1.1


def test_what_hardly_changes_is_not_blown_up():
    still = torch.full((4, 2), 0.3) + 1e-7 * torch.randn(4, 2)
    assert StepInputs(2, scale=True)(still, torch.tensor([4])).abs().max() < 1e-4


@pytest.mark.parametrize(
    "options",
    [EVERYTHING, {"difference": "signed", "scale": True}, {"deviation": "relative"}],
)
def test_a_sequence_does_not_see_its_company(options):
    lengths = torch.tensor([1, 40, 7, 1, 23])
    features = torch.randn(72, 16)
    inputs = StepInputs(16, **options).eval()
    together = inputs(features, lengths).split(lengths.tolist())
    parts = features.split(lengths.tolist())
    for part, length, expected in zip(parts, lengths, together, strict=True):
        alone = inputs(part, length[None])
        # A matrix product may add up in another order when it has more rows.
        exact = {"atol": 1e-6, "rtol": 1e-6} if "project" in options else {"atol": 0, "rtol": 0}
        torch.testing.assert_close(alone, expected, **exact)


@pytest.mark.parametrize("difference", ["signed", "absolute"])
def test_gradient_is_right_and_reaches_step_0(difference):
    features = torch.randn(9, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([5, 1, 3])
    inputs = StepInputs(3, difference=difference, scale=True, gap=2).double()
    assert torch.autograd.gradcheck(lambda x: inputs(x, lengths), features)
    inputs(features, lengths)[4].sum().backward()  # the last step of the first sequence
    assert features.grad[0].abs().min() > 0
    assert features.grad[5:].abs().max() == 0


def test_nothing_moving_has_a_finite_gradient():
    features = torch.ones(4, 3, requires_grad=True)
    StepInputs(3, **EVERYTHING)(features, torch.tensor([1, 3])).sum().backward()
    assert features.grad.isfinite().all()


def test_bfloat16_features_are_normalised_in_float32():
    inputs = StepInputs(8, **EVERYTHING)
    features = (3 + torch.randn(500, 8) / 50).bfloat16()
    lengths = torch.tensor([400, 100])
    with torch.autocast("cpu", torch.bfloat16):
        mixed = inputs(features, lengths)
    torch.testing.assert_close(
        mixed.float(), inputs(features.float(), lengths), atol=0.03, rtol=0.03
    )
    exact = StepInputs(8, scale=True)(features, lengths)
    assert exact.dtype == torch.float32
    torch.testing.assert_close(
        exact, StepInputs(8, scale=True).double()(features.double(), lengths).float()
    )


def test_dropout_only_while_training():
    inputs = StepInputs(2, dropout=0.5)
    features = torch.ones(1000, 2)
    dropped = inputs(features, torch.tensor([1000]))
    assert 0.4 < (dropped == 0).float().mean() < 0.6
    assert torch.equal(inputs.eval()(features, torch.tensor([1000])), features)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": False}, "keep=false, difference=none and deviation=none"),
        ({"deviation": "squared"}, "deviation=squared: give none, absolute or relative"),
        ({"gap": 0}, "gap=0"),
        ({"difference": "squared"}, "difference=squared: give none, signed or absolute"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        StepInputs(4, **options)


def test_differences_tell_what_moves_where_the_place_was_never_seen():
    """A step of 1 or 3 places from a random place: the same model, with and without difference."""
    generator = torch.Generator().manual_seed(0)
    accuracy = {}
    stride = 1 + 2 * torch.randint(0, 2, (512,), generator=generator)
    start = torch.randint(0, 20, (512,), generator=generator)
    start[:256] += 20  # trained in one half of the places, tested in the other
    path = (start[:, None] + stride[:, None] * torch.arange(4)).float()[:, :, None]
    lengths, labels = torch.full((256,), 4), (stride == 3).long()
    for difference in ("none", "signed"):
        torch.manual_seed(0)
        inputs = StepInputs(1, difference=difference, keep=difference == "none")
        model = ManyToOne(OneHot(1), LSTM(1, hidden_size=8), num_classes=2, inputs=inputs)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(60):
            scores = model.read(path[:256].flatten(0, 1), lengths)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(scores, labels[:256]).backward()
            optimizer.step()
        answers = model.read(path[256:].flatten(0, 1), lengths).argmax(1)
        accuracy[difference] = (answers == labels[256:]).float().mean().item()
    assert accuracy["signed"] == 1.0
    assert accuracy["none"] < 0.8
