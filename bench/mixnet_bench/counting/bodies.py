"""Sums over the graphs that an operator runs: the larger branch, and every turn of a loop."""

from collections.abc import Mapping
from dataclasses import dataclass

from mixnet_bench.counting import turns
from mixnet_bench.counting.operands import CANNOT_RUN, UnknownError
from mixnet_bench.counting.record import Layer, total
from mixnet_bench.counting.scope import Place, Scope
from mixnet_runtimes import Body, Operator

BRANCHES = ("If", "IF", "STABLEHLO_CASE")
LOOPS = ("Loop", "Scan", "WHILE", "STABLEHLO_WHILE")
CALLS = ("CALL", "STABLEHLO_COMPOSITE")
AT_LOADING = ("CALL_ONCE",)


@dataclass(frozen=True)
class Figures:
    """The count of one run of a graph, or the reason why it is unknown."""

    macs: int | None
    activations: int | None
    reason: str = ""

    def times(self, count: int) -> "Figures":
        """The same for this number of runs."""
        if not count:
            return Figures(0, 0)
        return Figures(_times(self.macs, count), _times(self.activations, count), self.reason)

    @property
    def can_run(self) -> bool:
        """Whether the sizes that are known do not contradict each other."""
        return not self.reason.startswith(CANNOT_RUN)

    @property
    def is_nothing(self) -> bool:
        """Whether it has no multiply-adds, however often it runs."""
        return self.macs == 0 and self.activations == 0


NOTHING = Figures(0, 0)


def _times(figure: int | None, count: int) -> int | None:
    return None if figure is None else figure * count


def sum_of(layers: tuple[Layer, ...]) -> Figures:
    """The figures of a graph with these layers."""
    reasons = [each.reason for each in layers if each.reason]
    # Where sizes contradict each other, much else is unknown for that reason.
    reasons.sort(key=lambda reason: not reason.startswith(CANNOT_RUN))
    reason = reasons[0] if reasons else ""
    macs = total([each.macs for each in layers])
    return Figures(macs, total([each.activations for each in layers]), reason)


def combine(
    scope: Scope, operator: Operator, bodies: Mapping[str, Body], figures: Mapping[str, Figures]
) -> tuple[Figures, str]:
    """The count of the operator with its bodies, and a sentence on assumptions, if any."""
    if operator.kind in AT_LOADING or all(each.is_nothing for each in figures.values()):
        return NOTHING, ""
    if not all(_fits(scope, operator, body) for body in bodies.values()):
        return Figures(
            None, None, "its subgraphs are written for other sizes than their inputs have"
        ), ""
    if operator.kind in BRANCHES:
        return _branches(scope, operator, figures)
    if operator.kind in CALLS:
        return next(iter(figures.values())), ""
    try:
        return _looped(scope, operator, bodies, figures), ""
    except (UnknownError, IndexError, KeyError) as fault:
        reason = str(fault) if isinstance(fault, UnknownError) else turns.DATA
        return Figures(None, None, reason), ""


def _branches(
    scope: Scope, operator: Operator, figures: Mapping[str, Figures]
) -> tuple[Figures, str]:
    roles = list(figures)
    chosen = scope.value(operator.inputs[0]) if operator.inputs else None
    if chosen is not None and operator.kind != "STABLEHLO_CASE":
        wanted = "then" if chosen else "else"
        taken = next((role for role in roles if role.startswith(wanted)), roles[0])
        return figures[taken], ""
    able = [role for role in roles if figures[role].can_run] or roles
    unknown = next((role for role in able if figures[role].macs is None), None)
    if unknown is not None:
        return figures[unknown], ""
    largest = max(able, key=lambda role: figures[role].macs or 0)
    if figures[largest].is_nothing:
        return NOTHING, ""
    which = "the larger branch" if len(able) == len(roles) else "the branch that can run"
    return figures[largest], f"of {operator.kind} {operator.name!r} {which} is counted, {largest}"


def _looped(
    scope: Scope, operator: Operator, bodies: Mapping[str, Body], figures: Mapping[str, Figures]
) -> Figures:
    """Every turn of a loop. Raises UnknownError if their number is not known."""
    if operator.kind == "Loop":
        return figures["body"].times(turns.of_loop(scope, operator, bodies["body"]))
    if operator.kind == "Scan":
        return figures["body"].times(turns.of_scan(scope, operator))
    if operator.kind not in LOOPS:
        raise UnknownError("the number of times that it runs its subgraphs is not known")
    condition, body = "condSubgraphIndex", "bodySubgraphIndex"
    count = turns.of_while(scope, operator, bodies[condition], bodies[body])
    asked, done = figures[condition].times(count + 1), figures[body].times(count)
    return Figures(
        total([asked.macs, done.macs]),
        total([asked.activations, done.activations]),
        asked.reason or done.reason,
    )


def handed(
    scope: Scope, operator: Operator, role: str, bodies: Mapping[str, Body]
) -> dict[str, Place]:
    """The inputs of a body that are constants in every turn, with their places outside.

    What a loop changes is a state, and the constant that it begins with is not a parameter.
    """
    inside, outside = FIRST_HANDED.get(operator.kind, (0, 0))
    pairs = zip(bodies[role].inputs[inside:], operator.inputs[outside:], strict=False)
    found = {}
    for place, (own, name) in enumerate(pairs):
        source = scope.find(name) if name else None
        if (
            source is not None
            and scope.is_constant(name)
            and _is_handed(operator, role, bodies, place)
        ):
            found[own] = source
    return found


def _fits(scope: Scope, operator: Operator, body: Body) -> bool:
    """Whether the known sizes of passed tensors are those of the body's inputs.

    They differ where a file was resized, and its inner graphs were not. What a Scan hands over are
    slices.
    """
    if operator.kind == "Scan":
        return True
    inside, outside = FIRST_HANDED.get(operator.kind, (0, 0))
    for own, name in zip(body.inputs[inside:], operator.inputs[outside:], strict=False):
        pair = (body.tensors.get(own), scope.tensor(name))
        shapes = [None if each is None else each.shape for each in pair]
        if None in shapes:
            continue
        first, second = shapes
        if len(first or ()) != len(second or ()) or any(
            one != other and None not in (one, other)
            for one, other in zip(first or (), second or (), strict=False)
        ):
            return False
    return True


FIRST_HANDED = {"IF": (0, 1), "STABLEHLO_CASE": (0, 1), "Loop": (2, 2)}
"""Where passed tensors begin among the inputs of a body and of its operator; else at 0."""


def _is_handed(operator: Operator, role: str, bodies: Mapping[str, Body], place: int) -> bool:
    """Whether a body has the operator's passed input in every turn."""
    if operator.kind in (*BRANCHES, *CALLS, *AT_LOADING):
        return True
    if operator.kind in ("WHILE", "STABLEHLO_WHILE"):
        return _is_kept(bodies["bodySubgraphIndex"], place, place)
    if operator.kind == "Loop":
        return _is_kept(bodies[role], place + 2, place + 1)
    if operator.kind == "Scan":
        states = len(operator.inputs) - operator.attributes.get("num_scan_inputs", 0)
        return place >= states or _is_kept(bodies[role], place, place)
    return False


def _is_kept(body: Body, source: int, target: int) -> bool:
    """Whether a body passes an input unchanged to the next turn."""
    if source >= len(body.inputs) or target >= len(body.outputs):
        return False
    name, result = body.inputs[source], body.outputs[target]
    same = (
        each.inputs[0] == name
        for each in body.operators
        if each.kind == "Identity" and each.outputs[:1] == (result,)
    )
    return name == result or any(same)
