"""BERT encoders that torch exported to ONNX: their tensors under the names that transformers' BertModel gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["bert_tensors"]


def bert_tensors(exported: bytes, prefix: str) -> dict[str, Tensor]:
    """Tensors of an exported encoder; ``prefix`` is what the exported module calls it, such as ``model.0.auto_model.``.

    Embeddings, norms and biases keep their names in the file. The exporter stores the weight of a linear layer
    transposed, as the nameless second factor of a product ``x @ W``; the name of that product, the path of the layer,
    says whose it is. What lies outside of the prefix and constants of the graph are left out.
    """
    import onnx
    import torch
    from onnx.numpy_helper import to_array

    graph = onnx.load_model_from_string(exported).graph
    stored = {one.name: torch.from_numpy(to_array(one).copy()) for one in graph.initializer}
    tensors = {name.removeprefix(prefix): one for name, one in stored.items() if name.startswith(prefix)}
    for node in graph.node:
        path = node.name.removesuffix("/MatMul").replace("/", ".")
        _, inside, layer = path.partition(f".{prefix}")
        if inside and node.op_type == "MatMul" and node.input[1] in stored:
            tensors[f"{layer}.weight"] = stored[node.input[1]].T.contiguous()
    return tensors
