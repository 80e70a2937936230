"""GRU inverter: a recurrent reader of the whole message sequence, trained on messages that the attacker can make."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from attacks.embedding_inversion.gru_inverter.reader import GruReader, Schedule, Send, train_reader
from attacks.embedding_inversion.linear_inverters import training_sequences
from attacks.toolkit.defense_channel.channel import Channel
from attacks.toolkit.defense_channel.live import live_channel
from attacks.toolkit.readers.hidden_states import allowed_tokens, clean_states, forward_part, private_slice, resized
from attacks.toolkit.rewriting import originals
from attacks.toolkit.ridge import fit_ridge
from harness.attack import Attack, SplitFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Public, View

__all__ = ["GruInverter"]


class GruInverter(Attack):
    """One-layer GRU over the messages of the private positions, to logits over the vocabulary.

    As the learning stage (SIP) of BiSR, with the output tied to the public embedding table: the GRU's state
    is mapped to the table's width and compared with every token's embedding by angle. A linear path beside
    the GRU starts at the ridge solution, so few epochs suffice. Training uses public-weight states; the adaptive
    variant passes them through the channel with fresh noise in every epoch.
    """

    name: ClassVar[str] = "gru_inverter"
    summary: ClassVar[str] = "recurrent inverter trained on states through the defense's law"
    source: ClassVar[str] = "Chen et al. 2024 (BiSR), semi-white-box inversion (SIP) stage"
    needs: ClassVar[tuple[type[Facts], ...]] = (SplitFacts,)

    def __init__(
        self,
        *,
        texts: int = 1000,
        probes: int = 250,
        epochs: int = 10,
        hidden: int = 256,
        rate: float = 1e-3,
        batch: int = 32,
        negatives: int = 2000,
        penalty: float = 10.0,
        simulated: int = 64,
    ) -> None:
        self.texts = texts
        self.probes = probes
        self.schedule = Schedule(epochs, batch, rate, negatives)
        self.hidden = hidden
        self.penalty = penalty
        self.simulated = simulated

    def refuses(self, public: Public) -> str | None:
        """Pooled messages have no sequence."""
        pooled = "a pooled message has no token positions"
        return super().refuses(public) or (pooled if public.need(SplitFacts).pooled else None)

    def guess(self, view: View) -> Guess:
        """Token ids of every record."""
        channel = live_channel(view, self.simulated) if view.adaptive else None
        reader = self._trained(view, channel)
        allowed = allowed_tokens(view.sessions.facts, len(reader.directions)).to(view.device)
        tokens = {}
        for observation in view.sessions.observations():
            messages = (
                resized(observation.states, reader.centre.shape[0])
                if channel is None
                else channel.centre(observation.states)
            )
            tokens[observation.record] = reader.read(
                messages[private_slice(view.sessions.facts, observation)], allowed
            ).tolist()
        return originals(view, tokens)

    def _trained(self, view: View, channel: Channel | None) -> GruReader:
        split, table = view.sessions.facts, view.sessions.part(0, 0).embed_table
        sequences = training_sequences(view, self.texts, self.probes)
        clean = clean_states(forward_part(view), sequences, split.prefix, split.suffix)
        ids = [torch.tensor(one, device=view.device) for one in sequences]
        examples, variance = torch.cat(clean), 0.0 if channel is None else channel.noise.variance
        if channel is not None:
            examples = channel.imitate(examples)
        start = fit_ridge(examples, table[torch.cat(ids)], self.penalty, noise_variance=variance)
        reader = GruReader(examples, start, table, self.hidden, view.rng)
        allowed = allowed_tokens(split, len(table)).to(view.device)
        train_reader(reader, clean, ids, _sender(channel, view.rng), allowed, self.schedule, view.rng)
        return reader.eval()


def _sender(channel: Channel | None, rng: torch.Generator) -> Send:
    return (lambda states: states) if channel is None else (lambda states: channel.imitate(states, rng))
