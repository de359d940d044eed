# SPDX-License-Identifier: Apache-2.0
"""Retrieval profiles: every number of a walk as one named, versioned value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DEFAULT_PROFILE", "Engine", "Profile"]

Engine = Literal["push", "prpack", "power"]


@dataclass(frozen=True, slots=True)
class Profile:
    """How a query is seeded, walked and ranked.

    The masses of the four kinds of seeds are quotas: each kind's seeds share theirs, however many
    they are, so that shares do not depend on the corpus; the quota of a kind without seeds goes to
    the others in proportion.
    """

    name: str
    version: int

    # --- edges: an edge's weight is its type's factor times its own ---
    mention: float = 1.0
    """A passage names an entity. One per pair: counting how often was worse (MuSiQue recall@5 72.2 against 74.2)."""
    about: float = 3.0
    """A passage's title is the entity. 0 loses two points, 10 one and a half."""
    fact: float = 0.5
    """Two entities are the ends of a fact; times how often readable passages say it."""
    similar: float = 1.0
    """Two entities are near-synonyms; times their cosine."""
    next: float = 0.5
    """A passage follows a passage. Not measured: the sets at hand have one passage a document."""

    # --- seeds ---
    passages: int = 10
    """Passages seeded by dense and lexical rank. Each weighs what it is above the next one left out."""
    passage_mass: float = 0.4
    lexical: float = 0.3
    """Weight of the reciprocal rank by BM25 beside that by vectors: 1 / rank + 0.3 / rank (MuSiQue recall@5 77.4;
    a sum of min-max scaled scores 76.9, ranks plus 60 as in the paper on it, or a weight of 1, two points less)."""
    ranks: int = 100
    """Passages of either list that are ranked."""
    facts: int = 5
    """Facts seeded by their vectors; they seed their ends."""
    fact_mass: float = 0.2
    named_mass: float = 0.2
    """Entities the query names."""
    about_mass: float = 0.2
    """Passages that are about an entity the query names."""

    # --- walk and ranking ---
    damping: float = 0.75
    """Probability of walking on. 0.5 loses three points on MuSiQue."""
    echo: float = 0.0
    """Share of a unit's own restart mass that counts in its rank; 1 ranks by PageRank itself.
    At 1, seeds outrank all that the walk finds (MuSiQue recall@5 70 instead of 74)."""
    engine: Engine = "push"
    """Local forward push, or an exact engine: igraph's prpack, or power iteration."""
    eps: float = 1e-5
    """Of push: residual mass at which a node is pushed, over the sum of its weights."""
    push_entries: int = 11_000
    """Of push for the best nodes: entries after which it ends, however far it came, and goes back from those that it
    leaves in doubt. On MuSiQue 99 to 100 of 100 queries have the best 20 for 10,000 to 12,000, 98 for 8,000."""
    entries: int = 18_500
    """Of push for the best nodes: entries after which nothing more is decided."""
    sweep_share: float = 0.5
    """Of push: share of the readable entries of rows after which it goes over to sweeps."""

    def factors(self) -> NDArray[np.float64]:
        """What weights are multiplied with, by edge type (float64 [types], as `EDGE_TYPES`)."""
        import numpy as np

        return np.array([self.about, self.fact, self.mention, self.next, self.similar, 0.0])


DEFAULT_PROFILE = Profile(name="default", version=3)
"""What `search` uses. Measured in `benchmarks/LOG.md`."""
