from __future__ import annotations

import numpy as np
import pytest
import torch

from attacks.toolkit.readers.parameters import forward, layers_of
from harness.errors import SuiteError
from scenarios.logit_kd.models import load_state, make_model


def test_what_is_no_chain_of_linear_layers_is_refused() -> None:
    with pytest.raises(SuiteError, match="without a bias"):
        layers_of({"0_weight": torch.zeros(2, 3)})
    wide = layers_of({"weight": torch.zeros(2, 5), "bias": torch.zeros(2)})
    with pytest.raises(SuiteError, match="no model of embeddings of 3 dimensions"):
        forward(wide, np.zeros((1, 3)))
    assert layers_of({"records": 3, "logits": torch.zeros(2, 2)}) == ()


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_evaluation_is_the_forward_pass_of_the_model(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    model = make_model(kind, 7, 3)
    sent = {n.replace(".", "_"): torch.randn(v.shape, generator=generator) for n, v in model.named_parameters()}
    load_state(model, sent)
    x = torch.randn(5, 7, generator=generator)
    logits = forward(layers_of({**sent, "records": 4}), x.double().numpy())
    np.testing.assert_allclose(logits, model(x).detach().numpy(), rtol=1e-4, atol=1e-5)
