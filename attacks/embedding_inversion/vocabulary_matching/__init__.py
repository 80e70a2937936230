"""Vocabulary matching: run the public model on guesses and keep those whose states are the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from attacks.embedding_inversion.vocabulary_matching.beam import Beam, invert_by_beam
from attacks.embedding_inversion.vocabulary_matching.candidates import (
    Decoder,
    ExactDecoder,
    StateLaw,
    fit_discriminant,
    fit_state_law,
)
from attacks.embedding_inversion.vocabulary_matching.exact import Job, invert_exactly
from attacks.embedding_inversion.vocabulary_matching.follower import follow
from attacks.embedding_inversion.vocabulary_matching.following import FollowEffort, Search, Task, invert_by_following
from attacks.embedding_inversion.vocabulary_matching.hunt import Effort, Problem
from attacks.embedding_inversion.vocabulary_matching.prior import unigram
from attacks.toolkit.defense_channel.channel import Channel, open_channel
from attacks.toolkit.defense_channel.live import live_channel
from attacks.toolkit.readers.hidden_states import (
    Sequences,
    TokenStates,
    allowed_tokens,
    auxiliary_sequences,
    clean_states,
    flatten,
    forward_part,
    private_slice,
    probe_sequences,
    whole_states,
)
from attacks.toolkit.rewriting import originals
from attacks.toolkit.ridge import fit_ridge
from harness.attack import Attack, SplitFacts, single_flight

if TYPE_CHECKING:
    from attacks.toolkit.defense_channel.maps import Map
    from harness.attack import Facts, Guess, Observation, Part, Public, View

__all__ = ["VocabularyMatching", "text_jobs"]


class VocabularyMatching(Attack):
    """Token by token, with the public model run on candidates after the prefix found so far.

    Candidates come from a linear discriminant that ranks the whole vocabulary by one message. Without noise, the
    token whose state is the one sent is recognised at once (:mod:`.matching_exact`); where none fits, the search
    widens step by step up to the whole vocabulary. Under noise, a beam search maximises the likelihood of all
    messages times the public language model's probability of the text (:mod:`.matching_beam`).

    The adaptive variant works through the law of the defended messages, fitted on simulations or known pairs
    (:mod:`.channel`); the oblivious one takes messages for undefended states.

    Parameters: ``texts`` auxiliary texts and ``probes`` random sequences train the discriminant; ``simulated`` texts
    fit the channel; ``first``, ``wide``, ``steps`` and ``scan`` are the :class:`Effort` without noise; ``width``,
    ``fan`` and ``prior`` the :class:`Beam` under noise; ``language`` allows the language model.
    """

    name: ClassVar[str] = "vocabulary_matching"
    summary: ClassVar[str] = "sequential matching of states over the vocabulary, exact or by beam search under noise"
    source: ClassVar[str] = (
        "Thomas et al. 2025 (Hidden No More, vocabulary matching); Nikolaou et al. 2025 (SipIt, sequential inversion)"
    )
    needs: ClassVar[tuple[type[Facts], ...]] = (SplitFacts,)

    def __init__(
        self,
        *,
        texts: int = 600,
        probes: int = 400,
        simulated: int = 64,
        first: int = 8,
        wide: int = 64,
        steps: int = 40,
        scan: int | None = None,
        width: int = 4,
        fan: int = 32,
        prior: float = 1.0,
        language: bool = True,
    ) -> None:
        self.texts, self.probes, self.simulated = texts, probes, simulated
        self.effort = Effort(first=first, wide=wide, steps=steps, scan=scan)
        self.beam = Beam(width=width, fan=fan, weight=prior)
        self.language = language

    def refuses(self, public: Public) -> str | None:
        """Encoders have no order of causes, and pooled messages no positions."""
        from harness.attack import family_of, read_config, resolve

        if missing := super().refuses(public):
            return missing
        split = public.need(SplitFacts)
        if split.pooled:
            return "a pooled message has no token positions to match one after another"
        if not family_of(read_config(resolve(split.model))).causal:
            return f"{split.model} is an encoder: every state depends on the tokens after it as well"
        return None

    def guess(self, view: View) -> Guess:
        """Token ids of every record."""
        observed, split = view.sessions.observations(), view.sessions.facts
        if not observed:
            return {}
        channel = live_channel(view, self.simulated) if view.adaptive else None
        if channel is not None and not channel.exact and (search := self._following(view)):
            tasks = [_task(split, one) for one in observed]
            texts = [one.ids for one in invert_by_following(search, tasks, FollowEffort())]
            return originals(view, {one.record: ids for one, ids in zip(observed, texts, strict=True)})
        problem, jobs = self.problem(view, channel), text_jobs(view)
        if problem.channel.noisy:
            texts = invert_by_beam(problem, jobs, split.prefix, split.suffix, self.beam)
        else:
            exact = invert_exactly(problem, jobs, split.prefix, self.effort)
            texts = [one.ids for one in exact]
        return originals(view, {one.record: ids for one, ids in zip(observed, texts, strict=True)})

    def problem(self, view: View, channel: Channel | None = None) -> Problem:
        """Everything that is fitted before the secrets are looked at: channel, discriminant, prior."""
        split, part = view.sessions.facts, forward_part(view)
        sequences, prior = self._sequences(view, part)
        if channel is None and view.adaptive:
            channel = live_channel(view, self.simulated)
        channel = channel or open_channel(_clean(part, sequences, split).states.std(0))
        decoder = self._decoder(part, channel, sequences, split)
        return Problem(part, channel, decoder, prior, channel.tolerance, self._whole(view))

    def _sequences(self, view: View, part: Part) -> tuple[Sequences, Tensor]:
        """Sequences that the vocabulary's rankings are fitted on, and log frequencies of tokens ``[V]``."""
        split = view.sessions.facts
        texts = auxiliary_sequences(view, self.texts)
        allowed = allowed_tokens(split, part.vocab_size).to(view.device)
        return texts + probe_sequences(split, part.vocab_size, self.probes), unigram(texts, allowed)

    def _whole(self, view: View) -> Part | None:
        return view.sessions.part(0, None, head=True) if self.language and view.sessions.facts.prefix else None

    def _following(self, view: View) -> Search | None:
        """The search through the defense itself, where asking it tells what was sent."""
        split, part = view.sessions.facts, forward_part(view)
        simulated = view.sessions.simulate([record.text for record in view.public.auxiliary[: self.simulated]])
        sequences, prior = self._sequences(view, part)
        follower = follow(view, part, sequences, simulated)
        if follower is None:
            return None
        whole = whole_states(part, sequences, split.prefix, split.suffix)
        clean = _clean(part, sequences, split)
        mean = fit_ridge(part.embed_table.detach()[clean.ids], clean.states)
        longest = max(whole, key=len)
        return Search(part, follower, prior, split.prefix, split.suffix, longest, mean, self._whole(view))

    def _decoder(self, part: Part, channel: Channel, sequences: Sequences, split: SplitFacts) -> Decoder:
        if split.cut == 0:
            return ExactDecoder(part, channel)
        table = part.embed_table.detach()
        law = _moved_law(part, sequences, split.prefix, split.suffix, channel.map)
        return fit_discriminant(channel, law, table)


def _task(split: SplitFacts, observation: Observation) -> Task:
    where = private_slice(split, observation)
    sent = observation.states[: observation.prompt_length or len(observation.states)]
    return Task(observation.record, sent, where.stop - where.start)


def text_jobs(view: View) -> list[Job]:
    """The messages of every observed text, at its private positions and at the suffix."""
    return [_job(view.sessions.facts, one) for one in view.sessions.observations()]


def _job(split: SplitFacts, observation: Observation) -> Job:
    where = private_slice(split, observation)
    tail = observation.states[where.stop : where.stop + len(split.suffix)]
    return Job(observation.states[where], tail=tail if len(tail) == len(split.suffix) else None)


def _clean(part: Part, sequences: Sequences, split: SplitFacts) -> TokenStates:
    return flatten(clean_states(part, sequences, split.prefix, split.suffix), sequences, split)


@single_flight(maxsize=4)
def _moved_law(
    part: Part, sequences: Sequences, prefix: tuple[int, ...], suffix: tuple[int, ...], move: Map
) -> StateLaw:
    """The law of moved states, once per deployment and map: operating points that differ in noise alone share it."""
    states = move.expect(torch.cat(clean_states(part, sequences, prefix, suffix)))
    ids = torch.tensor([token for sequence in sequences for token in sequence], device=states.device)
    return fit_state_law(states, ids, part.embed_table.detach())
