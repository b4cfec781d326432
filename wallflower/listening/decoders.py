"""The engines of this box at work: one for what counts, one for partials, and those that stand in."""

from collections.abc import Callable
from dataclasses import replace

from wallflower.engines.base import Engine, EngineError
from wallflower.engines.chain import EngineChain, Link, Setback
from wallflower.engines.choosing import Plan
from wallflower.engines.selection import Candidate
from wallflower.events import EngineInUse, EngineSetAside, Happening
from wallflower.hardware.power import Profile
from wallflower.listening.condition import Condition
from wallflower.models.catalog import Model, find_model

Load = Callable[[Candidate, Profile], Engine]
"""Loads a candidate with as much of the box as the profile allows. Raises EngineError."""


class Decoders:
    """Holds the engines of a plan. finals: for what counts. quick: for partials, or None.

    find: the model of an id. on_happening: told what becomes of the engines, by the thread that decodes.
    """

    def __init__(
        self,
        plan: Plan,
        load: Load,
        *,
        profile: Profile,
        find: Callable[[str], Model] = find_model,
        on_happening: Callable[[Happening], None] = lambda _happening: None,
    ) -> None:
        """Load the engines; blocks. Raises EngineError when none can be loaded."""
        self.plan = plan
        self.profile = profile
        self._load = load
        self._find = find
        self._on_happening = on_happening
        self._candidates = {each.key: each for each in (plan.finals, *plan.stand_ins)}
        self.finals = EngineChain(
            self._links(profile),
            on_setback=self._set_aside,
            on_switch=lambda name: on_happening(EngineInUse(name)),
        )
        self.quick: Engine | None = None
        self._no_quick = ""
        if (candidate := plan.quick) is not None:
            try:
                self.quick = load(candidate, profile)
            except EngineError as error:
                self._no_quick = str(error)

    @property
    def model(self) -> Model:
        """The model that decodes what counts now; another one than planned after a failure."""
        return self._find(self._candidates[self.finals.name].model_id)

    @property
    def quick_model(self) -> Model | None:
        """The model of the quick engine; None where there is none."""
        if self.quick is None or self.plan.quick is None:
            return None
        return self._find(self.plan.quick.model_id)

    @property
    def condition(self) -> Condition:
        """How the engines are now. Quick, and may be asked from any thread."""
        problems = self.finals.problems
        quick = self.plan.quick
        if quick is not None and self._no_quick:
            problems[quick.key] = self._no_quick
        return Condition(self.finals.name, quick.key if quick and self.quick else "", problems)

    def use(self, profile: Profile) -> None:
        """Go on with another share of the box; may load engines anew. For the thread that decodes.

        Raises EngineError when none can be loaded.
        """
        as_before = replace(self.profile, partial_factor=profile.partial_factor) == profile
        self.profile = profile
        if not as_before:
            self.finals.relink(self._links(profile))

    def unload(self) -> None:
        """Give the memory back."""
        self.finals.unload()
        if self.quick is not None:
            self.quick.unload()

    def _links(self, profile: Profile) -> list[Link]:
        order = [self.plan.finals, *self.plan.stand_ins]
        if profile.tier == "speed" and self.plan.quickest is not None:
            order.insert(0, self.plan.quickest)
        return [
            Link(key, lambda each=each: self._load(each, profile))  # type: ignore[misc]
            for key, each in {each.key: each for each in order}.items()
        ]

    def _set_aside(self, setback: Setback) -> None:
        self._on_happening(EngineSetAside(setback.name, setback.reason, setback.retry_after))
