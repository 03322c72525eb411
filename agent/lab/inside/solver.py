"""Asks Z3 about a theorem. Runs in a process of its own: Z3 may overrun any time limit it is given."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

from .graph import COMPARE, Fact, Way
from .theorem import Theorem

MEMORY = 1024
"""MiB that Z3 may use."""
PLACES = 60
"""Decimals of an irrational counterexample."""


def ask(theorem: Theorem, seconds: float) -> dict[str, Any]:
    """What Z3 says: ``found`` is proved, contradiction, undefined, counterexample or unknown.

    ``point`` holds the values that Z3 gives, as fractions, ``exact`` or rounded; ``need`` the place of the need that
    is not met there; ``detail`` a reason.
    """
    import z3

    z3.set_param("memory_max_size", MEMORY)
    try:
        return _Question(z3, theorem, seconds).answer()
    except z3.Z3Exception as error:
        return {"found": "unknown", "detail": f"Z3 failed: {str(error)[:120]}"}


class _Question:
    def __init__(self, z3: Any, theorem: Theorem, seconds: float) -> None:
        self.z3 = z3
        self.theorem = theorem
        self.milliseconds = max(1, int(1000 * seconds))
        self.variables = [z3.Real(name) for name in theorem.names]
        self.roots: list[Any] = []
        self.nodes: list[Any] = []
        for at in range(len(theorem.nodes)):
            self.nodes.append(self._node(at))
        self.hyps = [*self.roots, z3.Or([self._all((*way.given, *way.says)) for way in theorem.hyps])]

    def answer(self) -> dict[str, Any]:
        """The hypotheses can hold; under them all arithmetic is defined; then the conclusion cannot fail."""
        if self._solve([])["found"] == "unsat":
            return {"found": "contradiction"}
        for place, need in enumerate(self.theorem.needs):
            reply = self._solve([self._all(need.given), self._fact(need.fact.negated())])
            if reply["found"] != "unsat":
                found = "undefined" if reply["found"] == "sat" else "unknown"
                return {**reply, "found": found, "need": place}
        reply = self._solve([self.z3.Or([self._fails(way) for way in self.theorem.concl])])
        names = {"unsat": "proved", "sat": "counterexample", "unknown": "unknown"}
        return {**reply, "found": names[reply["found"]]}

    def _solve(self, facts: Sequence[Any]) -> dict[str, Any]:
        solver = self.z3.SolverFor("QF_NRA")
        solver.set("timeout", self.milliseconds)
        solver.add(*self.hyps, *facts)
        found = solver.check()
        if found == self.z3.sat:
            model = solver.model()
            values = [model.eval(variable, model_completion=True) for variable in self.variables]
            exact = not any(map(self.z3.is_algebraic_value, values))
            return {"found": "sat", "point": [str(self._number(value)) for value in values], "exact": exact}
        return {
            "found": str(found),
            "detail": "" if found == self.z3.unsat else f"Z3 gave up: {solver.reason_unknown()}",
        }

    def _number(self, value: Any) -> Fraction:
        if self.z3.is_algebraic_value(value):
            value = value.approx(PLACES)
        return Fraction(value.numerator_as_long(), value.denominator_as_long())

    def _node(self, at: int) -> Any:
        node = self.theorem.nodes[at]
        a = [self.nodes[place] for place in node.args]
        match node.op:
            case "var":
                return self.z3.Real(str(node.value))
            case "num":
                return self.z3.RealVal(str(node.value))
            case "+":
                return a[0] + a[1]
            case "*":
                return a[0] * a[1]
            case "/":
                return a[0] / a[1]
            case "pow":
                return reduce(lambda x, y: x * y, [a[0]] * int(node.value))
        root = self.z3.Real(f"root of {at}")
        # a root on a way not taken must not forbid the point
        self.roots.append(self.z3.Implies(a[0] >= 0, self.z3.And(root >= 0, root * root == a[0])))
        return root

    def _fact(self, fact: Fact) -> Any:
        return COMPARE[fact.op](self.nodes[fact.left], self.nodes[fact.right])

    def _all(self, facts: Sequence[Fact]) -> Any:
        return self.z3.And([self._fact(fact) for fact in facts])

    def _fails(self, way: Way) -> Any:
        return self.z3.And(self._all(way.given), self.z3.Not(self._all(way.says)))
