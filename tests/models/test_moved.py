"""Classes by the names that checkpoints and recipes of before the rooms had packages give them."""

import hashlib
import re
from importlib import import_module

import pytest
import torch

from models import MOVED, first_name
from models.encoders import SmallCNN

OLD = {
    "models.backbones": ["Backbone", "EfficientNetLite0"],
    "models.cells": ["GRUCell", "LSTMCell", "VanillaCell"],
    "models.encoders": ["Encoder", "OneHot", "WordEmbedding"],
    "models.frames": ["FrameEncoder", "SmallCNN"],
    "models.inputs": ["StepInputs"],
    "models.ngrams": ["NgramEmbedding"],
    "models.recurrence": ["GRU", "LSTM", "RNN", "Recurrence", "Unrolled"],
}


@pytest.mark.parametrize("module", OLD)
def test_a_class_is_found_by_its_old_name(module):
    old, new = import_module(module), import_module(MOVED.get(module, module))
    for name in OLD[module]:
        assert isinstance(getattr(old, name), type)
        assert getattr(old, name) is getattr(new, name)


def test_features_that_were_kept_before_are_found():
    torch.manual_seed(0)
    encoder = SmallCNN(features=4, width=4)
    digest = hashlib.sha256(b"models.frames.SmallCNN")
    digest.update(re.sub(r" at 0x[0-9a-f]+", "", repr(encoder)).encode())
    digest.update(b"bf16 False")
    for name, tensor in [*encoder.named_parameters(), *encoder.named_buffers()]:
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    assert encoder.fingerprint() == digest.hexdigest()
    assert first_name("models.encoders.words") == "models.encoders.words"
