"""Tiny lm-eval tasks in YAML files, one of each type, on questions about the toy messages: no network, no wheel."""

from __future__ import annotations

import json
from pathlib import Path

CHOICES: dict[str, object] = {
    "output_type": "multiple_choice",
    "doc_to_text": "{{text}}\nFrom:",
    "doc_to_choice": "{{options}}",
    "doc_to_target": "right",
}
LETTERS: dict[str, object] = {**CHOICES, "doc_to_choice": ["A", "B"]}
TARGET: dict[str, object] = {
    "output_type": "loglikelihood",
    "doc_to_text": "{{text[:-1]}}",
    "doc_to_target": "{{text[-1]}}",
}
ROLLING: dict[str, object] = {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{text}}"}
GENERATION: dict[str, object] = {
    "output_type": "generate_until",
    "doc_to_text": "{{text}}\nFrom:",
    "doc_to_target": "{{options[right]}}",
    "generation_kwargs": {"until": ["e"], "max_gen_toks": 5, "do_sample": False},
}
TWO_TEXTS: dict[str, object] = {
    **CHOICES,
    "doc_to_text": "right",
    "doc_to_choice": "{{['First ' + text, 'Second ' + text]}}",
}
TWO_TEXTS["doc_to_target"] = "{{options[0]}}"

ACCURACY: dict[str, object] = {"metric": "acc", "aggregation": "mean", "higher_is_better": True}
NORMED: dict[str, object] = {**ACCURACY, "metric": "acc_norm"}
PERPLEXITY: dict[str, object] = {"metric": "perplexity", "aggregation": "perplexity", "higher_is_better": False}
WORDS: dict[str, object] = {
    "metric": "word_perplexity",
    "aggregation": "weighted_perplexity",
    "higher_is_better": False,
}
MATCH: dict[str, object] = {**ACCURACY, "metric": "exact_match"}

TASKS: dict[str, tuple[dict[str, object], list[dict[str, object]]]] = {
    "choices": (CHOICES, [ACCURACY, NORMED]),
    "letters": (LETTERS, [ACCURACY]),
    "target": (TARGET, [PERPLEXITY, ACCURACY]),
    "rolling": (ROLLING, [WORDS]),
    "generation": (GENERATION, [MATCH]),
    "two_texts": (TWO_TEXTS, [ACCURACY]),
}


def documents(count: int = 40) -> list[dict[str, object]]:
    """Toy messages, each with three senders of different lengths, of which one is right."""
    from harness.scenario.toy import toy_records

    senders = ["the bank in Oslo", "a friend", "nobody at all, I think"]
    rows: list[dict[str, object]] = []
    for i, record in enumerate(toy_records()[:count]):
        turned = senders[i % 3 :] + senders[: i % 3]
        rows.append({"text": record.text, "options": turned, "right": i % 2})
    return rows


def toy_task(folder: Path, kind: str) -> str:
    """The path of a task of one type, written under ``folder`` once."""
    path, data = folder / f"toy_{kind}.yaml", folder / "toy_questions.json"
    if not path.exists():
        data.write_text(json.dumps(documents()))
        fields, metrics = TASKS[kind]
        given = {"data_files": {"test": str(data)}, "cache_dir": str(folder / "cache")}
        source = {"dataset_path": "json", "dataset_kwargs": given, "test_split": "test"}
        # YAML is a superset of JSON.
        path.write_text(json.dumps({"task": f"toy_{kind}", **source, **fields, "metric_list": metrics}))
    return str(path)
