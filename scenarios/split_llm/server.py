"""The curious party of split inference: it owns the rest of the model.

Vepakomma et al. (2018), section 2. Every forward of a generation is answered, prompt and single steps alike; the cache
of keys and values grows with a session.
"""

from __future__ import annotations

import torch

from harness.scenario import Kind, Net
from scenarios.split_llm.calibration import Linear, pooled_states

__all__ = ["encoder_server", "model_party"]


def model_party(net: Net) -> None:
    """Run the rest of a causal model on every message and answer it; hidden states are all that it sees."""
    body, u_shaped = net.part("body"), net.settings["topology"] == "head-body-tail"
    while (up := net.receive()) is not None:
        if up.step == 0:
            cache = body.new_cache()
        out = body(up["hidden"][None], cache)
        if u_shaped:
            net.reply(Kind.HIDDEN, hidden=out[0])
        else:
            net.reply(Kind.LOGITS, logits=net.part("lm_head")(out[:, -1:])[0])


def encoder_server(classify: Linear, pooled: bool, net: Net) -> None:
    """Finish the encoding of every message, pool it and answer with class scores."""
    body = None if pooled else net.part("body")
    while (up := net.receive()) is not None:
        if body is None:
            vector = up["representation"]
            scores = torch.zeros(len(classify.bias)) if net.behaviour == "local_only" else classify(vector)
        else:
            scores = classify(pooled_states(body(up["hidden"][None])[0]))
        net.reply(Kind.LOGITS, scores=scores)
