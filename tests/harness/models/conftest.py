"""Tiny models of every family, all weights random (norms and biases too), saved as ordinary model folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

VOCAB, DEPTH = 61, 4
SIZES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": DEPTH, "n_head": 4, "n_positions": 40},
    "llama": {"num_key_value_heads": 2, "intermediate_size": 48, "tie_word_embeddings": True},
    "mistral": {"num_key_value_heads": 2, "intermediate_size": 48, "sliding_window": 6},
    "qwen2": {
        "num_key_value_heads": 2,
        "intermediate_size": 48,
        "use_sliding_window": True,
        "sliding_window": 5,
        "max_window_layers": 2,
    },
    "glm": {"num_key_value_heads": 2, "intermediate_size": 48, "head_dim": 8},
    "bloom": {"hidden_size": 48, "n_layer": DEPTH, "n_head": 6},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 16, "max_position_embeddings": 40},
    "bert": {"intermediate_size": 48, "max_position_embeddings": 40},
    "roberta": {"intermediate_size": 48, "max_position_embeddings": 42, "pad_token_id": 1},
}
COMMON = {"hidden_size": 32, "num_hidden_layers": DEPTH, "num_attention_heads": 4}
CAUSAL = tuple(name for name in SIZES if name not in ("bert", "roberta"))


def tiny_model(family: str) -> Any:
    """A Hugging Face model of the family with random weights everywhere, in evaluation mode."""
    import transformers

    ends = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": VOCAB - 1}
    common = {} if "n_layer" in SIZES[family] else COMMON
    config = transformers.AutoConfig.for_model(family, vocab_size=VOCAB, **{**ends, **common, **SIZES[family]})
    auto: Any = transformers.AutoModelForCausalLM if family in CAUSAL else transformers.AutoModel
    model = auto.from_config(config, **({} if family in CAUSAL else {"add_pooling_layer": False})).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(0.2 * noise + (1.0 if weight.ndim == 1 else 0.0))
    return model


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Path]]:
    """``tiny(family) -> (model, folder)``, made once per session."""
    made: dict[str, tuple[Any, Path]] = {}

    def make(family: str) -> tuple[Any, Path]:
        if family not in made:
            import transformers.utils

            notes: Any = transformers.utils.logging
            notes.disable_progress_bar()
            folder = tmp_path_factory.mktemp("models") / family
            model = tiny_model(family)
            model.save_pretrained(folder)
            made[family] = (model, folder)
        return made[family]

    return make


@pytest.fixture
def ids() -> Callable[..., torch.Tensor]:
    """``ids(rows, tokens, seed=0)``: random token ids without padding or end tokens."""

    def draw(rows: int, tokens: int, seed: int = 0) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(3, VOCAB - 1, (rows, tokens), generator=generator)

    return draw


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache root of this test's own."""
    monkeypatch.setenv("LEAKBOARD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
