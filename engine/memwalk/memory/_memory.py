# SPDX-License-Identifier: Apache-2.0
"""`Memory`: one principal's view of one store. Each method hands over to the room that does the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from memwalk import policy
from memwalk.errors import SourceError
from memwalk.memory._adopt_methods import AdoptMethods
from memwalk.memory._audit_methods import AuditMethods
from memwalk.memory._exchange_methods import ExchangeMethods
from memwalk.memory._extractors import check_extractor, make_extractor, settle
from memwalk.memory._frame_methods import FrameMethods
from memwalk.memory._logged import logged
from memwalk.memory._payload_methods import PayloadMethods
from memwalk.memory._policy_methods import PolicyMethods
from memwalk.memory._purge_methods import PurgeMethods
from memwalk.memory._unit_methods import UnitMethods
from memwalk.schedule import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memwalk.ingest import AddReport
    from memwalk.memory._chat import Conversation
    from memwalk.memory._generate import Answer
    from memwalk.progress import Progress
    from memwalk.schedule import Form, Plan
    from memwalk.units import Loadable
    from memwalk.walk import Profile, Result

__all__ = ["DEFAULT_SPACE", "Memory"]

DEFAULT_SPACE = "default"
"""The space of a new store."""


class Memory(
    AdoptMethods,
    UnitMethods,
    PolicyMethods,
    PurgeMethods,
    PayloadMethods,
    AuditMethods,
    ExchangeMethods,
    FrameMethods,
):
    """A store, seen and changed on behalf of one principal. Made by `memwalk.open`.

    Closing it closes the store for all views made by `as_principal`.
    """

    @property
    def uri(self) -> str:
        """Address of the Neo4j that holds the graph."""
        return self._session.store.uri

    @property
    def owner(self) -> str:
        """Who opened the store first."""
        return str(self._session.store.read("store/get_store")[0]["owner"])

    # --- adding and finding ------------------------------------------------------------------------

    def add(
        self,
        *paths: str | Path,
        space: str = DEFAULT_SPACE,
        openie: str | Path | None = None,
        extractor: str = "spacy",
        streams: Mapping[str, bytes] | None = None,
        as_format: str | None = None,
        prune: bool = False,
        progress: Progress | None = None,
    ) -> AddReport:
        """Add files and folders to a space: documents become passages, entities and facts.

        Unchanged documents cost nothing; a text that this space had before, in whatever document, is
        neither extracted nor embedded again. A changed document keeps the passages that stayed, retires
        the others, and makes what was built from those stale. Sources that cannot be read are told
        of in the report and the rest is added; if nothing can be read, the first error is raised.

        Parameters
        ----------
        *paths : str or Path
            Files, or folders of them: plain text, Markdown, HTML, PDF, JSON Lines of documents or of chat turns,
            HippoRAG corpus JSON, GraphML, CSV edge lists.
        space : str
            Where the units live; the principal must be a writer there.
        openie : str or Path, optional
            HippoRAG OpenIE results to take entities and facts from, instead of spaCy.
        extractor : {"spacy", "endpoint"}
            What reads passages: spaCy here, or the OpenAI-compatible endpoint of `ExtractorSettings`. What
            an endpoint answered is not asked for again, also after a stop half way; a local-only space
            never reaches it.
        streams : mapping of str to bytes, optional
            What is in no file, by a name that stays the same: ``notes.md``, or an address. Adding again under
            a name changes that document, or nothing.
        as_format : str, optional
            The format of all of it, one of `memwalk.ingest.FORMATS`. None: by the suffixes of the names.
        prune : bool
            Retire the space's documents that came from below these paths and are there no longer. If it
            cannot be told what is (a path is missing, empty or may not be read), nothing is done.
        progress : Progress, optional

        Raises
        ------
        SourceError, InvalidArgument, NotFound, NotPermitted, LocalOnly, StoreError, ModelError
        """
        from memwalk.ingest import add_sources, find_vanished
        from memwalk.memory._gather import gather

        session = self._session
        policy.require_role(session.store, self.principal, "writer", space)
        said = Path(openie).expanduser() if openie else None
        check_extractor(session, space, extractor, said)
        sources = gather(paths, streams or {}, exclude=[said] if said else [], as_format=as_format)
        given = [Path(path).expanduser() for path in paths]
        vanished = find_vanished(session.store, space, given, sources) if prune else []
        errors = [source for source in sources if isinstance(source, SourceError)]
        if errors and len(errors) == len(sources):
            raise errors[0]  # before any model is loaded
        reads = make_extractor(session, space, extractor, said)
        report = add_sources(
            session.store,
            self.principal,
            space,
            sources,
            extractor=reads,
            embedder=session.check_embedder(claim=True),
            vanished=vanished,
            progress=progress,
        )
        return settle(reads, report)

    @logged("search", "query")
    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        profile: Profile | None = None,
        at: int | None = None,
        valid_at: int | None = None,
    ) -> list[Result]:
        """Passages for a query, best first, by a walk over what the principal may read.

        Each result says why: its seeds, and the strongest path from one.

        Parameters
        ----------
        query : str
        limit : int
            Most passages.
        profile : Profile, optional
        at : int, optional
            System time (ms): as the store would have answered then, texts and ranks; rights are those of now.
            What was purged is in no past. None: now.
        valid_at : int, optional
            World time (ms): only over what holds then. What says nothing of when it holds always does.

        Raises
        ------
        InvalidArgument, SchemaMismatch, StoreError, ModelError
        """
        from memwalk.memory._find import search

        return search(self._session, self.principal, query, limit=limit, profile=profile, at=at, valid_at=valid_at)

    @logged("explain", "query")
    def explain(
        self,
        query: str,
        *,
        limit: int = 5,
        profile: Profile | None = None,
        at: int | None = None,
        valid_at: int | None = None,
    ) -> str:
        """The walk for a query in words; the parameters are those of `search`."""
        from memwalk.memory._find import search, tell

        return tell(
            search(self._session, self.principal, query, limit=limit, profile=profile, at=at, valid_at=valid_at)
        )

    # --- planning and answering --------------------------------------------------------------------

    @logged("plan", "question")
    def plan(
        self, question: str, *, budget: Budget | None = None, form: Form | str | None = None, remote: bool = False
    ) -> Plan:
        """Decide what to load for a question under a budget.

        Parameters
        ----------
        question : str
        budget : Budget, optional
        form : Form or str, optional
            ``context``, ``kv`` or ``adapter``: load in that form alone. None: the plan chooses.
        remote : bool
            A remote model will answer: context form only, nothing of local-only spaces.

        Raises
        ------
        InvalidArgument, ModelError, StoreError
        """
        from memwalk.memory._plan import plan

        return plan(self._session, self.principal, question, budget=budget or Budget(), form=form, remote=remote)

    @logged("generate", "plan")
    def generate(self, plan: Plan, *, max_tokens: int = 128, temperature: float = 0.0) -> Answer:
        """Answer a plan's question with what it picked, streamed.

        Rights and versions are checked again; what was loaded is recorded before the first token.

        Raises
        ------
        NotFound, StaleUnit, FingerprintMismatch, LocalOnly, EndpointFailed, PayloadError
        """
        from memwalk.memory._generate import generate

        return generate(self._session, self.principal, plan, max_tokens=max_tokens, temperature=temperature)

    def ask(self, question: str, *, budget: Budget | None = None, form: Form | str | None = None) -> Answer:
        """Plan and generate in one call."""
        return self.generate(self.plan(question, budget=budget, form=form))

    @logged("answer probability", "plan")
    def answer_probability(self, plan: Plan, answer: str) -> float:
        """Natural logarithm of the probability that the local model answers exactly so under a plan."""
        from memwalk.memory._generate import answer_probability

        return answer_probability(self._session, self.principal, plan, answer)

    @logged("chat", "conversation")
    def chat(self, conversation: str | None = None, *, space: str = DEFAULT_SPACE, name: str = "chat") -> Conversation:
        """Go on with a conversation by id, or begin one in a space where the principal is a writer.

        Raises
        ------
        NotFound, NotPermitted
        """
        from memwalk.memory._chat import open_conversation

        return open_conversation(self._session, self.principal, conversation, space=space, name=name)

    # --- building ----------------------------------------------------------------------------------

    def build_kv(self, units: Sequence[str], *, space: str | None = None, progress: Progress | None = None) -> Loadable:
        """Compute the KV cache of some units behind the shared preamble and keep it as a unit.

        Raises
        ------
        NotFound, NotPermitted, InvalidArgument, StorageFull
        """
        from memwalk.memory._build import build_kv

        return build_kv(self._session, self.principal, units, space=space, progress=progress)

    def build_adapter(
        self, units: Sequence[str], *, space: str | None = None, progress: Progress | None = None
    ) -> Loadable:
        """Train a LoRA adapter on some units and keep it as a unit.

        Raises
        ------
        NotFound, NotPermitted, InvalidArgument, StorageFull
        """
        from memwalk.memory._build import build_adapter

        return build_adapter(self._session, self.principal, units, space=space, progress=progress)

    # --- Cypher ------------------------------------------------------------------------------------

    @logged("cypher", "text")
    def cypher(
        self, text: str, parameters: dict[str, Any] | None = None, *, write: bool = False, limit: int = 100
    ) -> tuple[list[str], list[list[Any]], bool]:
        """Run Cypher on the graph (administrators: it sees everything); read-only unless `write`.

        Returns
        -------
        columns, rows, more

        Raises
        ------
        NotPermitted, QueryFailed
        """
        policy.require_administrator(self._session.store, self.principal, "run raw Cypher on")
        return self._session.store.run_text(text, parameters or {}, write=write, limit=limit)
