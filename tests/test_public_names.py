"""The three front doors offer the names that are written here, and each is real."""

from __future__ import annotations

import importlib

import pytest

FACES = {
    "harness": """
        DPSGD Defense Item Kind Message PublicSide pack_int8 pack_top_k
    """,
    "harness.attack": """
        Attack Candidate Coalition DataError DefenseCard Encoder EncoderFacts EpsilonBound Facts
        FinetuneFacts GradientFacts Learner LearnerSpec group_of padded
        Floats GeneratorFacts Guess Ints Item Kind LogitFacts Mask Message ModelFacts NoiseLaw
        Observation Part PartRef PopulationFacts PrefixTree PrototypeFacts Public PublicTextFacts
        Record SERVER SUM Score SeenMessage Sessions Shadow SplitFacts SuiteError Tokens Value View
        VoteFacts auc disclosure_bound family_of frequent_tokens load_tokens numpy_generator
        public_part read_config resolve single_flight tokenizer_folder torch_generator
    """,
    "harness.scenario": """
        GROUPS GradientFacts Learner LearnerSpec BatchTextSecret padded
        Agreement AttributeSecret BagSecret Bound CENTRALISED Candidate Chosen Classification
        Coalition CountSecret DataError DefenseError Deployment DistributionSecret Encoder
        EncoderFacts Facts FinetuneFacts Floats GeneratorFacts HONEST Ints Item KNOCKOUT Kind LOCAL_ONLY SplitLearner
        Likelihood LogitFacts MALICIOUS MODEL Mask MembershipSecret Message Meter MeteredPart ModelFacts Net
        Part PartRef Party PartyPlan PopulationFacts PresenceSecret PropertySecret ProtocolError
        PrototypeFacts Public PublicTextFacts Record SERVER SUM Scenario Score Secret SeenMessage
        Sent Settings SplitFacts Splits Step SuiteError TextSecret Tokens TrainingPlan UtilityTask
        Value VoteFacts assert_disjoint batches cache_root choose content_hash content_id cut_block
        depth derive distinct draw embed frequent_tokens fresh fresh_folder held label_counts
        label_shares load load_part load_tokenizer load_tokens make memo model_hash numpy_generator
        partition plant_attribute plant_linked publish records single_flight span_token_ranges
        tokenizer_folder torch_generator toy_model toy_records train
        Form Prompt Wording cut_at wording_of pack_rows Question load_tasks question LmEvalUtility checked_metric
        Passage labels_by_words
    """,
}
"""Public module -> its names: what authors of defenses, attacks and scenarios rely on. Change it with the guides."""


@pytest.mark.parametrize("face", FACES)
def test_public_names_are_those_written_here(face: str) -> None:
    names = importlib.import_module(face).__all__
    assert sorted(names) == sorted(FACES[face].split())


@pytest.mark.parametrize("face", FACES)
def test_every_public_name_is_real(face: str) -> None:
    module = importlib.import_module(face)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []
