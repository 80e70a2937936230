"""The plugin interface of attacks, and what a coalition may look at: all that an attack imports from the harness.

An attack maps a :class:`View` to a guess at one secret. It is written once and runs in two variants:
``oblivious`` (as if there were no defense) and ``adaptive`` (it knows the defense: class, parameters,
source, declared noise laws, and it may run it on data of its own through :meth:`Sessions.simulate` and
:meth:`View.shadows`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from harness.errors import DataError
from harness.util.faces import lazy
from harness.wire.facts import Facts

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.data.record import Item, Record
    from harness.errors import SuiteError
    from harness.metrics.membership import auc
    from harness.metrics.recovery import frequent_tokens
    from harness.models.branch import PrefixTree
    from harness.models.build import read_config
    from harness.models.families import family_of
    from harness.models.learner import Learner, LearnerSpec, group_of, padded
    from harness.models.part import Part
    from harness.models.refs import Encoder, PartRef
    from harness.models.resolve import resolve
    from harness.models.split import public_part
    from harness.models.tokens import Tokens, load_tokens, tokenizer_folder
    from harness.score.audit import EpsilonBound, disclosure_bound
    from harness.store.schema import Score
    from harness.util.arrays import Floats, Ints, Mask
    from harness.util.caching import single_flight
    from harness.util.seeds import numpy_generator, torch_generator
    from harness.wire.coalition import SERVER, SUM, Coalition
    from harness.wire.facts import (
        EncoderFacts,
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
    "SERVER",
    "SUM",
    "Attack",
    "Candidate",
    "Coalition",
    "DataError",
    "DefenseCard",
    "Encoder",
    "EncoderFacts",
    "EpsilonBound",
    "Facts",
    "FinetuneFacts",
    "Floats",
    "GeneratorFacts",
    "GradientFacts",
    "Guess",
    "Ints",
    "Item",
    "Kind",
    "Learner",
    "LearnerSpec",
    "LogitFacts",
    "Mask",
    "Message",
    "ModelFacts",
    "NoiseLaw",
    "Observation",
    "Part",
    "PartRef",
    "PopulationFacts",
    "PrefixTree",
    "PrototypeFacts",
    "Public",
    "PublicTextFacts",
    "Record",
    "Score",
    "SeenMessage",
    "Sessions",
    "Shadow",
    "SplitFacts",
    "SuiteError",
    "Tokens",
    "Value",
    "View",
    "VoteFacts",
    "auc",
    "disclosure_bound",
    "family_of",
    "frequent_tokens",
    "group_of",
    "load_tokens",
    "numpy_generator",
    "padded",
    "public_part",
    "read_config",
    "resolve",
    "single_flight",
    "tokenizer_folder",
    "torch_generator",
]

_ROOMS = {
    "harness.data.record": "Item Record",
    "harness.errors": "SuiteError",
    "harness.metrics.membership": "auc",
    "harness.metrics.recovery": "frequent_tokens",
    "harness.models.branch": "PrefixTree",
    "harness.models.build": "read_config",
    "harness.models.families": "family_of",
    "harness.models.learner": "Learner LearnerSpec group_of padded",
    "harness.models.part": "Part",
    "harness.models.refs": "Encoder PartRef",
    "harness.models.resolve": "resolve",
    "harness.models.split": "public_part",
    "harness.models.tokens": "Tokens load_tokens tokenizer_folder",
    "harness.score.audit": "EpsilonBound disclosure_bound",
    "harness.store.schema": "Score",
    "harness.util.arrays": "Floats Ints Mask",
    "harness.util.caching": "single_flight",
    "harness.util.seeds": "numpy_generator torch_generator",
    "harness.wire.coalition": "SERVER SUM Coalition",
    "harness.wire.facts": (
        "EncoderFacts FinetuneFacts GeneratorFacts GradientFacts LogitFacts ModelFacts PopulationFacts "
        "PrototypeFacts PublicTextFacts SplitFacts VoteFacts"
    ),
    "harness.wire.message": "Kind Message Value",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)

Guess = Mapping[str, Any]
"""Record id -> guess: token ids (``list[int]``) for a text secret, a score (``float``) for an attribute or for
membership; see :mod:`harness.scenario.aggregate` for secrets about a party."""


@dataclass(frozen=True)
class NoiseLaw:
    """A mechanism that the harness itself executed: the message is ``clip(x) + noise``.

    Each vector of the last dimension is scaled to Euclidean (``gaussian``) or L1 (``laplace``) norm at
    most ``clip`` (None: not clipped), then noise is added to every coordinate: standard deviation
    ``scale`` for ``gaussian``, Laplace scale ``scale`` for ``laplace``.
    """

    name: str
    scale: float
    clip: float | None = None


@dataclass(frozen=True)
class DefenseCard:
    """All that everyone may know of a defense (Kerckhoffs): not its secret state, not its randomness."""

    name: str
    parameters: Mapping[str, Any]
    source: str
    laws: tuple[NoiseLaw, ...] = ()
    """Declared noise laws found in the ledger, in the order they are applied; empty if none was declared."""


@dataclass(frozen=True)
class Observation:
    """Everything one session (one record) put on the wire, stitched together over its steps.

    ``states`` is ``[T, d]`` for per-token messages in order of position (the public prefix, the private
    text, the public suffix, then generated tokens), or ``[d]`` for a pooled one. ``plain`` (same shape,
    before the defense) and ``ids`` (``[T]`` token ids of all positions) are set only where the attacker
    chose the text itself: in simulations and known pairs.
    """

    record: str
    states: Tensor
    plain: Tensor | None = None
    ids: Tensor | None = None
    prompt_length: int = 0
    """Positions of the first message: prefix + private text + suffix; later ones are generated tokens."""


F = TypeVar("F", bound=Facts)


@dataclass(frozen=True)
class Public:
    """Everything that everybody knows: the attacker's auxiliary data, and typed facts about the deployment."""

    auxiliary: tuple[Record, ...] = ()
    """The attacker's own records, disjoint from the private ones; attributes and labels are known."""
    facts: tuple[Facts, ...] = ()
    """All else that the scenario makes public, one object for each subject (:mod:`harness.wire.facts`)."""

    def facts_of(self, kind: type[F]) -> F | None:
        """The first facts of that class or of a class derived from it, or None where the scenario gives none."""
        return next((facts for facts in self.facts if isinstance(facts, kind)), None)

    def need(self, kind: type[F]) -> F:
        """The facts of that class.

        Raises:
            DataError: the scenario gives none.
        """
        facts = self.facts_of(kind)
        if facts is None:
            raise DataError(_lacking(kind))
        return facts


def _lacking(kind: type[Facts]) -> str:
    """A sentence about a class of facts that a deployment does not give."""
    about = (kind.__doc__ or "").split(":")[0].split("\n")[0].strip().rstrip(".")
    return f"this deployment makes no {kind.__name__} public ({about[:1].lower()}{about[1:]})"


@dataclass(frozen=True)
class SeenMessage:
    """One message as a coalition saw it."""

    sender: str
    receiver: str
    message: Message


@dataclass(frozen=True)
class Candidate:
    """A record of which the attacker asks whether ``party`` trained on it; members with probability 1/2."""

    id: str
    text: str
    label: str | None
    party: str
    canary: bool = False
    """Mislabelled or rare on purpose; canaries are scored apart from average records."""


@dataclass(frozen=True)
class Shadow:
    """A run of the whole protocol on data that the attacker drew, with everything it knows about it."""

    transcript: Sequence[SeenMessage]
    own: Mapping[str, Any]
    members: Mapping[str, bool]
    """Candidate id -> whether it was in its party."""
    truth: Mapping[str, Any] = field(default_factory=dict)
    """What the scenario says about the drawn data (:attr:`harness.scenario.deployment.Deployment.truth`)."""


class Sessions(Protocol):
    """Split inference with one private party, read by session: a session is all that the party sends about one text."""

    @property
    def facts(self) -> SplitFacts:
        """The cut of the model, and the template that texts are given to it in."""
        raise NotImplementedError

    def observations(self) -> list[Observation]:
        """The sessions of the private party that hold the secret, in order."""
        raise NotImplementedError

    def simulate(self, texts: Sequence[str], *, repeats: int = 1) -> list[Observation]:
        """Run the protocol afresh with the attacker's ``texts`` as the victim's, ``repeats`` times.

        Oblivious views run it without a defense. ``plain`` and ``ids`` are filled. The number of texts
        is bounded by the entry's simulate budget (:class:`harness.errors.SuiteError` beyond it);
        equal calls within one run are answered from one bank.
        """
        raise NotImplementedError

    def known_pairs(self) -> list[Observation]:
        """(plain text, message) pairs of the live deployment, disjoint from the secrets; may be empty."""
        raise NotImplementedError

    def defend(self, states: Sequence[Tensor], *, repeats: int = 1, records: Sequence[str] = ()) -> list[Tensor]:
        """The messages that the defense makes of ``states``, each ``[T, d]`` (``[d]`` where pooled) as the prompt of
        one session: all of them once, then all again, ``repeats`` times, with fresh noise.

        ``records`` name the observed session whose place each takes (by default the first one's). As
        :meth:`View.defend` in all else.
        """
        raise NotImplementedError

    def part(self, start: int, stop: int | None, *, head: bool = False) -> Part:
        """A part of the public model, loaded once per process."""
        raise NotImplementedError

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a private text as the victim would make them, truncated to ``max_tokens``."""
        raise NotImplementedError


class View(Protocol):
    """All that a coalition sees of one run. Tensors are float32 on ``device``.

    Every protocol is read as a ``transcript``; split inference, with one private party, by session, too.
    """

    defense: DefenseCard
    adaptive: bool
    rng: torch.Generator
    """For every random draw of the attack."""
    device: str

    @property
    def public(self) -> Public:
        """Everything that everybody knows, with the attacker's own records."""
        raise NotImplementedError

    @property
    def sessions(self) -> Sessions:
        """Sessions of split inference; :class:`harness.errors.DataError` where the protocol is another one."""
        raise NotImplementedError

    @property
    def transcript(self) -> Sequence[SeenMessage]:
        """Every message that the coalition saw, with sender and receiver, in order, all rounds."""
        raise NotImplementedError

    def messages(self, kind: Kind | None = None) -> list[Message]:
        """The messages of the transcript, all or those of one kind, both directions."""
        raise NotImplementedError

    @property
    def own(self) -> Mapping[str, Any]:
        """Values that the coalition has besides messages: the curious party's kept ones by name, a member client's as
        ``party/name``, its records as ``party/records``."""
        raise NotImplementedError

    @property
    def candidates(self) -> Sequence[Candidate]:
        """Records of which membership is asked."""
        raise NotImplementedError

    def shadows(self, n: int | None = None) -> Sequence[Shadow]:
        """The first ``n`` shadow runs (all of the entry's shadow budget by default) other than the target itself:
        without a defense in an oblivious view."""
        raise NotImplementedError

    def others(self, candidate: str) -> Mapping[str, Sequence[Item]]:
        """Private party -> its records in this target, all of them but the candidate of that id (with every copy that
        its party holds): what the adversary of differential privacy knows. Ids are those of the contents.

        Only :attr:`Attack.informed` attacks may ask; :class:`harness.errors.SuiteError` for all others, and for an id
        of no candidate. The guess about a candidate may rest on its own others alone: what ``others(a)`` holds and
        ``others(b)`` lacks is the answer for b.
        """
        raise NotImplementedError

    def defend(self, messages: Sequence[Message], *, repeats: int = 1, party: str | None = None) -> list[Message]:
        """Messages that the defense of a private party (by default the first) sends for ``messages``: all of
        them once, then all again, ``repeats`` times, with fresh noise.

        The submission's own ``send`` in a worker of its own: the live isolation and parameters, ``prepare`` and
        ``setup`` run on the attacker's data, secret state drawn anew. Messages of one call are of one kind with the
        same fields; number sessions, steps and rounds, and shape the tensors, as the protocol does. State that a
        defense keeps from message to message is what it is at that place of the live run. Equal calls get equal
        answers. Tensors come back dense, floats as float32.

        Raises:
            SuiteError: the view is oblivious, the entry's ``defend_budget`` of rows is spent, or messages differ.
            DefenseError: the defense fails on one of them.
        """
        raise NotImplementedError

    def prepare(self, texts: Sequence[str], *, party: str | None = None) -> list[str]:
        """Texts of the attacker's own as the defense's ``prepare`` leaves them; words count as rows of the budget.

        Raises:
            SuiteError: the view is oblivious, or the entry's ``defend_budget`` is spent.
        """
        raise NotImplementedError

    def embed(self, texts: Sequence[str], encoder: Encoder | None = None) -> Tensor:
        """Embeddings [n, d] by a public encoder, the deployment's by default; each text is encoded once."""
        raise NotImplementedError


class Attack:
    """Base of attack plugins: declare the class attributes, take parameters by keyword, implement :meth:`guess`."""

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    """The paper: authors, year, section."""
    secret: ClassVar[str] = "text"
    """``text`` or ``attribute:NAME``-style secrets are matched by their part before the colon."""
    reads: ClassVar[tuple[str, ...]] = ("HIDDEN",)
    """Message kinds the attack needs to see."""
    needs: ClassVar[tuple[type[Facts], ...]] = ()
    """Public facts without which it cannot work: it refuses a deployment that lacks one."""
    coalitions: ClassVar[tuple[str, ...]] = ()
    """Names of coalitions whose view it can use; empty: any."""
    blind: ClassVar[bool] = False
    """Blind attacks never look at the transcript: they measure the floor."""
    diagnostic: ClassVar[bool] = False
    """Diagnostics are reported beside the results and never enter leakage or a rank."""
    informed: ClassVar[bool] = False
    """Informed attacks are the adversary of differential privacy, who knows every record but the one in question
    (Balle, Cherubin, Hayes 2022, "Reconstructing training data with informed adversaries", section II; Nasr et al.
    2021, "Adversary instantiation"): they may call :meth:`View.others`, and have no shadow runs to learn from.

    No coalition of a scenario knows so much: they are reported, and are evidence against a claimed epsilon, which is a
    promise about just this adversary, but never enter leakage or a rank. Guesses about candidates of one target share
    its noise, and each knows the answers to the others: they are compared between targets, never within one."""

    def refuses(self, public: Public) -> str | None:
        """A readable sentence where the attack does not apply to a deployment, or None.

        The base asks for the facts that the attack :attr:`needs`; an attack that refuses more asks it first.
        """
        return next((_lacking(kind) for kind in self.needs if public.facts_of(kind) is None), None)

    def guess(self, view: View) -> Guess:
        """The guess for every observed record. For membership it is asked about every target in turn."""
        raise NotImplementedError

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """Findings from the scored guesses beyond the scores, as JSON for the cell's facts. ``scores`` know the truth,
        which no guess may. A lower bound on epsilon goes under ``bound``."""
        return {}
