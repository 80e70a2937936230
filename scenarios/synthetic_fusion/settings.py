"""Settings of a synthetic_fusion suite entry: schema and defaults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from scenarios.common.settings import Alpha, Average, Canaries, Least, PopulationSettings, Records

__all__ = ["GENERATING", "SCRATCH", "VOTING", "Settings"]

GENERATING = frozenset({"fusegen", "private_fusegen"})
"""Methods whose parties write texts."""
VOTING = frozenset({"aug_pe", "wasp"})
"""Methods whose parties vote for texts of the server."""
SCRATCH = "scratch"
"""The generator that is trained from scratch on public texts."""


class Settings(PopulationSettings):
    """Data, generators and method of a suite entry."""

    method: Literal["fusegen", "private_fusegen", "hosted_fusegen", "aug_pe", "wasp"] = Field(
        description="fusegen: generators without private data; private_fusegen: generators tuned on private text; "
        "hosted_fusegen: parties send the adapters of tuned generators, with which the server writes; "
        "aug_pe, wasp: private records vote for texts of public generators"
    )
    data: str = Field(description="embedded dataset, local path or hub name, with labels")
    label_attribute: str = Field(
        "", description="attribute of the data whose value, 0 or 1, is the label; empty: the data's own label"
    )
    prefixes: dict[str, str] = Field(description="label -> how a line with a text of that label begins")
    generator: str = Field(
        SCRATCH, description="causal model; scratch: a small one, trained from scratch on public text"
    )
    scratch: dict[str, float] = Field(default_factory=dict, description="size and training of the scratch generator")
    labelled_public: bool = Field(True, description="whether the scratch generator's public texts carry their labels")
    encoder: str = Field("all-minilm-l6-v2", description="frozen public encoder of votes and of the task model")
    encoder_blocks: int = Field(0, ge=0, description="blocks of the encoder that are used; 0: all")
    clients: int = Field(3, description="private parties; client0 may be curious, so no secret of it is scored")
    partition: Literal["dirichlet", "group"] = Field(
        "dirichlet",
        description="by label shares, or whole groups (films, publishers), none of which is in two parts of the data",
    )
    alpha: Alpha = 1.0
    least: Least = 4
    records: Records = 120
    canaries: Canaries = 20
    canary_kind: Literal["echo", "pii", "rare", "mislabelled"] = Field(
        "echo",
        description="echo: an ordinary beginning, then rare words (Meeus et al. 2025); pii: then a name and a number",
    )
    repeats: int = Field(
        1,
        ge=1,
        description="tuned generators: how often a party holds each of its canaries; bounds on a record's epsilon are "
        "this many times smaller than those on a canary's",
    )
    average: Average = 20
    auxiliary: int = Field(200, ge=4, description="the attacker's own records, from which shadows are drawn")
    topics: int = Field(
        0, ge=0, description="clusters of the auxiliary texts, of which each party's shares are secret; 0: none"
    )
    public: int = Field(1000, ge=0, description="public texts")
    test: int = Field(100, ge=2, description="held-out real texts, for utility")
    balanced: bool = Field(True, description="private, auxiliary and test texts have every label equally often")
    instructions: tuple[str, ...] = Field(("",), min_length=1, description="first lines of the generators' prompts")
    temperatures: tuple[float, ...] = Field((1.0,), min_length=1, description="of the generators, in the same turn")
    generators: int = Field(2, ge=1, description="public generators of the server in aug_pe and wasp")
    top_p: float = Field(0.95, gt=0, le=1, description="nucleus of sampling")
    max_tokens: int = Field(24, ge=4, description="tokens of a text, synthetic or learned from")
    texts: int = Field(24, ge=1, description="texts of each label in one round, of each party or of all generators")
    rounds: int = Field(2, ge=1, description="rounds of generation (fusegen) or of votes (aug_pe, wasp)")
    shots: int = Field(6, ge=0, description="in-context samples of a prompt; in wasp of each label, near and far")
    screened: int = Field(24, ge=1, description="fusegen: candidates for in-context samples")
    high: float = Field(0.5, ge=0, le=1, description="fusegen: share of candidates of high cross-model variability")
    boosting: int = Field(20, ge=0, description="fusegen: iterations of self-boosting weights; 0: none")
    rank: int = Field(8, ge=1, description="tuned generators: rank of the adapters")
    epochs: float = Field(10, gt=0, description="tuned generators: passes over the private records")
    learning_rate: float = Field(1e-2, gt=0, description="tuned generators: of Adam")
    batch: int = Field(8, ge=1, description="tuned generators: records of a step")
    ranks: int = Field(
        1, ge=1, description="texts that a record votes for, with 1, 1/2, 1/4 ...: 1 in aug_pe, 8 in wasp"
    )
    aggregation: Literal["per_party", "sum"] = Field(
        "per_party", description="sum: votes by secure aggregation, the server sees their sum alone"
    )
    variations: int = Field(2, ge=1, description="aug_pe: variations of each selected text")
    variation: Literal["continue", "rephrase"] = Field(
        "continue", description="aug_pe: write the second half anew, or ask for other words (instructed models)"
    )
    data_options: dict[str, Any] = Field(default_factory=dict, description="passed to harness.data.load")

    def problems(self) -> list[str]:
        """Contradictions between settings, of the population and of the method."""
        problems = super().problems()
        if self.method not in VOTING and self.aggregation == "sum":
            problems.append("texts and adapters cannot be summed: aggregation = sum is for aug_pe and wasp")
        if self.repeats > 1 and self.method in VOTING | {"fusegen"}:
            problems.append(f"repeats: {self.repeats}; in {self.method} no generator learns from canaries")
        if len(self.prefixes) < 2:
            problems.append("prefixes: give at least two labels")
        if self.topics == 1 or self.topics > self.auxiliary:
            problems.append(f"topics: {self.topics}; give 0, or from 2 to {self.auxiliary}, the auxiliary records")
        return problems
