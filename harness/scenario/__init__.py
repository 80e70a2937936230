"""The plugin interface of scenarios: all that a scenario imports from the harness.

A scenario is a :class:`Scenario` object: settings, a ``build`` that lays out a :class:`Deployment`, a generator for the
private party and a straight-line function for the curious one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.assets.cache import cache_root, fresh_folder, publish
    from harness.assets.memo import memo
    from harness.attack import Candidate, Public, SeenMessage
    from harness.data.loading import load
    from harness.data.partition import label_counts, label_shares, partition
    from harness.data.plant import plant_attribute, plant_linked
    from harness.data.record import Item, Record, content_hash, content_id, distinct, make, records
    from harness.data.split import Splits, assert_disjoint, draw
    from harness.dp.sensitivity import MODEL, Bound
    from harness.errors import DataError, DefenseError, ProtocolError, SuiteError
    from harness.lm_eval.prompts import Form, Prompt, Wording, cut_at, wording_of
    from harness.lm_eval.rows import pack_rows
    from harness.lm_eval.tasks import Question, load_tasks, question
    from harness.lm_eval.utility import LmEvalUtility, checked_metric
    from harness.metrics.pii import span_token_ranges
    from harness.metrics.recovery import frequent_tokens
    from harness.models.embeddings import embed
    from harness.models.learner import GROUPS, Learner, LearnerSpec, padded
    from harness.models.meter import Meter, MeteredPart
    from harness.models.part import Part
    from harness.models.refs import Encoder, PartRef
    from harness.models.resolve import cut_block, depth, model_hash
    from harness.models.split import load_part
    from harness.models.tokens import Tokens, load_tokenizer, load_tokens, tokenizer_folder
    from harness.models.words import labels_by_words
    from harness.protocol.behaviours import CENTRALISED, HONEST, KNOCKOUT, LOCAL_ONLY, MALICIOUS
    from harness.protocol.net import Net
    from harness.protocol.party import Party, Sent
    from harness.protocol.split_learner import SplitLearner
    from harness.protocol.training import TrainingPlan, batches, fresh, train
    from harness.scenario.aggregate import CountSecret, DistributionSecret, PresenceSecret, PropertySecret
    from harness.scenario.candidates import Chosen, choose, held
    from harness.scenario.deployment import Deployment, PartyPlan
    from harness.scenario.membership import MembershipSecret
    from harness.scenario.next_tokens import Agreement, Likelihood, Passage
    from harness.scenario.plugin import Scenario, Step
    from harness.scenario.secrets import AttributeSecret, BagSecret, BatchTextSecret, Secret, TextSecret
    from harness.scenario.settings import Settings
    from harness.scenario.tasks import Classification, UtilityTask
    from harness.scenario.toy import toy_model, toy_records
    from harness.store.schema import Score
    from harness.util.arrays import Floats, Ints, Mask
    from harness.util.caching import single_flight
    from harness.util.seeds import derive, numpy_generator, torch_generator
    from harness.wire.coalition import SERVER, SUM, Coalition
    from harness.wire.facts import (
        EncoderFacts,
        Facts,
        FinetuneFacts,
        GeneratorFacts,
        GradientFacts,
        LogitFacts,
        ModelFacts,
        PopulationFacts,
        PrototypeFacts,
        PublicTextFacts,
        SplitFacts,
        VoteFacts,
    )
    from harness.wire.message import Kind, Message, Value

__all__ = [
    "CENTRALISED",
    "GROUPS",
    "HONEST",
    "KNOCKOUT",
    "LOCAL_ONLY",
    "MALICIOUS",
    "MODEL",
    "SERVER",
    "SUM",
    "Agreement",
    "AttributeSecret",
    "BagSecret",
    "BatchTextSecret",
    "Bound",
    "Candidate",
    "Chosen",
    "Classification",
    "Coalition",
    "CountSecret",
    "DataError",
    "DefenseError",
    "Deployment",
    "DistributionSecret",
    "Encoder",
    "EncoderFacts",
    "Facts",
    "FinetuneFacts",
    "Floats",
    "Form",
    "GeneratorFacts",
    "GradientFacts",
    "Ints",
    "Item",
    "Kind",
    "Learner",
    "LearnerSpec",
    "Likelihood",
    "LmEvalUtility",
    "LogitFacts",
    "Mask",
    "MembershipSecret",
    "Message",
    "Meter",
    "MeteredPart",
    "ModelFacts",
    "Net",
    "Part",
    "PartRef",
    "Party",
    "PartyPlan",
    "Passage",
    "PopulationFacts",
    "PresenceSecret",
    "Prompt",
    "PropertySecret",
    "ProtocolError",
    "PrototypeFacts",
    "Public",
    "PublicTextFacts",
    "Question",
    "Record",
    "Scenario",
    "Score",
    "Secret",
    "SeenMessage",
    "Sent",
    "Settings",
    "SplitFacts",
    "SplitLearner",
    "Splits",
    "Step",
    "SuiteError",
    "TextSecret",
    "Tokens",
    "TrainingPlan",
    "UtilityTask",
    "Value",
    "VoteFacts",
    "Wording",
    "assert_disjoint",
    "batches",
    "cache_root",
    "checked_metric",
    "choose",
    "content_hash",
    "content_id",
    "cut_at",
    "cut_block",
    "depth",
    "derive",
    "distinct",
    "draw",
    "embed",
    "frequent_tokens",
    "fresh",
    "fresh_folder",
    "held",
    "label_counts",
    "label_shares",
    "labels_by_words",
    "load",
    "load_part",
    "load_tasks",
    "load_tokenizer",
    "load_tokens",
    "make",
    "memo",
    "model_hash",
    "numpy_generator",
    "pack_rows",
    "padded",
    "partition",
    "plant_attribute",
    "plant_linked",
    "publish",
    "question",
    "records",
    "single_flight",
    "span_token_ranges",
    "tokenizer_folder",
    "torch_generator",
    "toy_model",
    "toy_records",
    "train",
    "wording_of",
]

_ROOMS = {
    "harness.assets.cache": "cache_root fresh_folder publish",
    "harness.assets.memo": "memo",
    "harness.attack": "Candidate Public SeenMessage",
    "harness.data.loading": "load",
    "harness.data.partition": "label_counts label_shares partition",
    "harness.data.plant": "plant_attribute plant_linked",
    "harness.data.record": "Item Record content_hash content_id distinct make records",
    "harness.data.split": "Splits assert_disjoint draw",
    "harness.dp.sensitivity": "MODEL Bound",
    "harness.errors": "DataError DefenseError ProtocolError SuiteError",
    "harness.lm_eval.prompts": "Form Prompt Wording cut_at wording_of",
    "harness.lm_eval.rows": "pack_rows",
    "harness.lm_eval.tasks": "Question load_tasks question",
    "harness.lm_eval.utility": "LmEvalUtility checked_metric",
    "harness.metrics.pii": "span_token_ranges",
    "harness.metrics.recovery": "frequent_tokens",
    "harness.models.embeddings": "embed",
    "harness.models.learner": "GROUPS Learner LearnerSpec padded",
    "harness.models.meter": "Meter MeteredPart",
    "harness.models.part": "Part",
    "harness.models.refs": "Encoder PartRef",
    "harness.models.resolve": "cut_block depth model_hash",
    "harness.models.split": "load_part",
    "harness.models.tokens": "Tokens load_tokenizer load_tokens tokenizer_folder",
    "harness.models.words": "labels_by_words",
    "harness.protocol.behaviours": "CENTRALISED HONEST KNOCKOUT LOCAL_ONLY MALICIOUS",
    "harness.protocol.split_learner": "SplitLearner",
    "harness.protocol.net": "Net",
    "harness.protocol.party": "Party Sent",
    "harness.protocol.training": "TrainingPlan batches fresh train",
    "harness.scenario.aggregate": "DistributionSecret CountSecret PresenceSecret PropertySecret",
    "harness.scenario.candidates": "Chosen choose held",
    "harness.scenario.deployment": "Deployment PartyPlan",
    "harness.scenario.membership": "MembershipSecret",
    "harness.scenario.next_tokens": "Agreement Likelihood Passage",
    "harness.scenario.plugin": "Scenario Step",
    "harness.scenario.secrets": "AttributeSecret BagSecret BatchTextSecret Secret TextSecret",
    "harness.scenario.settings": "Settings",
    "harness.scenario.tasks": "Classification UtilityTask",
    "harness.scenario.toy": "toy_model toy_records",
    "harness.store.schema": "Score",
    "harness.util.arrays": "Floats Ints Mask",
    "harness.util.caching": "single_flight",
    "harness.util.seeds": "derive numpy_generator torch_generator",
    "harness.wire.coalition": "SERVER SUM Coalition",
    "harness.wire.facts": (
        "EncoderFacts Facts FinetuneFacts GeneratorFacts GradientFacts LogitFacts ModelFacts "
        "PopulationFacts PrototypeFacts PublicTextFacts SplitFacts VoteFacts"
    ),
    "harness.wire.message": "Kind Message Value",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
