"""The plain description from which a worker builds the private parties of one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.record import Item
from harness.errors import SuiteError
from harness.models import part_folder
from harness.models.refs import Encoder, PartRef
from harness.models.tokens import tokenizer_folder
from harness.runtime.staging import stage
from harness.scenario.deployment import Deployment, PartyPlan
from harness.util.seeds import PUBLIC_SALT, derive
from harness.wire.facts import ModelFacts

if TYPE_CHECKING:
    from harness.plugins.submission import Submission
    from harness.runtime.execution import Execution

__all__ = ["worker_spec"]


def worker_spec(
    deployment: Deployment, execution: Execution, threads: int, salt: str = PUBLIC_SALT, scratch: Path | None = None
) -> dict[str, Any]:
    """The JSON that :class:`harness.runtime.host.Host` is made from.

    A copy of the submission and embeddings of the parties' own texts are handed over in files under ``scratch``, a
    folder of this run alone; without one the worker computes embeddings itself, with the same result.

    Raises:
        SuiteError: there is a submission, and no ``scratch``.
        DefenseError: the submission's folder is no longer what it was when it was loaded.
    """
    submission = execution.submission and {
        "folder": str(_staged(execution.submission, scratch)),
        "class": execution.submission.target,
        "parameters": execution.parameters,
    }
    # Texts that a server may ask about are encoded once, too, in every run: what a run is for does not show.
    asked = [*(candidate.text for candidate in deployment.candidates), *deployment.asked]
    embeddings = _save_embeddings(deployment.parties.values(), asked, scratch) if scratch is not None else {}
    parties = {
        name: _party(plan, deployment, embeddings) | _seeds(name, plan, execution, salt)
        for name, plan in deployment.parties.items()
    }
    return {
        "function": deployment.function,
        "submission": submission,
        "threads": threads,
        "imports": list(deployment.imports),
        "parties": parties,
    }


def _staged(submission: Submission, scratch: Path | None) -> Path:
    if scratch is None:
        raise SuiteError("a worker gets a copy of its submission; give worker_spec() a scratch folder for it")
    return stage(submission, scratch / "submission")


def _seeds(name: str, plan: PartyPlan, execution: Execution, salt: str) -> dict[str, int]:
    """Seeds of a party as plain numbers: neither the axes, which name the purpose of a run, nor the salt leave the
    harness. ``setup`` is the deployment's, ``noise`` that of its messages.
    """
    return {
        "setup": derive("setup", *plan.seed, name, *execution.noise, salt=salt),
        "noise": derive("noise", *plan.seed, name, *execution.noise, *execution.again, salt=salt),
        "training": derive("training", *plan.seed, name, *execution.draw, salt=salt),
    }


def _party(plan: PartyPlan, deployment: Deployment, embeddings: Mapping[Encoder, Path]) -> dict[str, Any]:
    language_model = deployment.public.facts_of(ModelFacts)
    return {
        "items": [_input(item) for item in plan.items],
        "records": [_labelled(record) for record in plan.records],
        "parts": {role: _folder(ref) for role, ref in plan.parts.items()},
        "settings": dict(plan.settings),
        "knobs": dict(deployment.knobs),
        "tokenizer": str(tokenizer_folder(language_model.model)) if language_model else "",
        "encoder": _encoder(plan.encoder, embeddings) if plan.encoder else None,
        "public_texts": list(plan.public_texts),
    }


def _input(item: Item) -> dict[str, Any]:
    return {"id": item.id, "text": item.text, **({"choices": list(item.choices)} if item.choices else {})}


def _labelled(record: Item) -> dict[str, Any]:
    return {"id": record.id, "text": record.text, "label": record.label}


def _folder(ref: PartRef) -> str:
    return str(part_folder(ref.model, ref.start, ref.stop, ref.head, ref.embed))


def _encoder(encoder: Encoder, embeddings: Mapping[Encoder, Path]) -> dict[str, Any]:
    return {
        "part": _folder(encoder.part),
        "tokenizer": str(tokenizer_folder(encoder.part.model)),
        "max_tokens": encoder.max_tokens,
        "known": str(embeddings.get(encoder, "")),
    }


def _save_embeddings(plans: Iterable[PartyPlan], asked: Iterable[str], scratch: Path) -> dict[Encoder, Path]:
    """One file of embeddings per encoder, of all texts of the parties that use it."""
    from harness.models.embeddings import digest, save_embeddings, vectors

    texts: dict[Encoder, dict[str, None]] = {}
    for plan in plans:
        if plan.encoder is not None:
            own = [item.text for item in (*plan.items, *plan.records)]
            texts.setdefault(plan.encoder, {}).update(dict.fromkeys([*own, *plan.public_texts, *asked]))
    paths = {}
    for number, (encoder, texts_of_encoder) in enumerate(texts.items()):
        # In the order of their digests: not even the order in the file tells whose texts they are.
        ordered = sorted(texts_of_encoder, key=digest)
        rows = dict(zip(map(digest, ordered), vectors(encoder).rows(ordered), strict=True))
        paths[encoder] = scratch / f"{number}.safetensors"
        if rows:
            save_embeddings(rows, paths[encoder])
        else:
            del paths[encoder]
    return paths
