"""Tokens of a formula to a tree."""

from __future__ import annotations

import re

from .environments import cases, cells, unaligned
from .lexer import BARS, tokens
from .nodes import ACCENTS, CLOSERS, COMPARE, FUNCTIONS, GREEK, PAIRS, TRANSPOSE, Node, Reading, Unreadable

CLOSING_BARS = frozenset(("|>", r"\|>"))


class Parser:
    """Recursive descent over one formula."""

    def __init__(self, stream: list[str], reading: Reading, callables: frozenset[str] = frozenset()) -> None:
        self.stream = stream
        self.at = 0
        self.reading = reading
        self.callables = callables
        """Keys of bound fragments, and names of symbols, that stand for functions."""
        self.bars = 0

    # -- tokens
    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.stream[place] if place < len(self.stream) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise Unreadable(f"expected {wanted or 'more'}, found {token or 'the end'}")
        self.at += 1
        return token

    def group(self) -> list[str]:
        """One TeX argument: a braced group without its braces, or a single token (with what it needs)."""
        if self.peek() != "{":
            start = self.at
            token = self.take()
            if token == r"\frac":
                self.group()
                self.group()
            elif token in ACCENTS or token == r"\sqrt":
                self.group()
            return self.stream[start : self.at]
        start, depth = self.at + 1, 0
        while True:
            token = self.take()
            depth += (token == "{") - (token == "}")
            if depth == 0:
                return self.stream[start : self.at - 1]

    def inner(self, part: list[str]) -> Node:
        """The tree of a part that has to be read to its end."""
        parser = Parser(part, self.reading, self.callables)
        return parser.whole()

    def whole(self) -> Node:
        node = self.expression()
        while self.peek() in (".", ",", ";"):
            self.at += 1
        if self.peek():
            raise Unreadable(f"cannot read on at {self.peek()}")
        return node

    # -- sums and products
    def expression(self) -> Node:
        negative = False
        while self.peek() in ("+", "-"):
            negative ^= self.take() == "-"
        node = self.term()
        if negative:
            node = Node("neg", (node,))
        while self.peek() in ("+", "-"):
            sign = self.take()
            right = self.term()
            node = Node("add", (node, right if sign == "+" else Node("neg", (right,))))
        return node

    def ends(self) -> bool:
        token = self.peek()
        if token in BARS:
            return self.bars > 0
        if token in CLOSING_BARS:
            return True
        return not token or token in CLOSERS or token in ("+", "-") or token.startswith(r"\end:")

    def term(self) -> Node:
        node = self.factor()
        while not self.ends():
            token = self.peek()
            if token in (r"\cdot", r"\times", "*"):
                self.take()
                node = Node("dot" if token == r"\cdot" else "mul", (node, self.signed()))
            elif token in (r"\odot", r"\circ"):
                self.take()
                node = Node("had", (node, self.factor()))
            elif token in ("/", r"\div"):
                self.take()
                node = Node("div", (node, self.divisor()))
            else:
                node = Node("mul", (node, self.factor()))
        return node

    def signed(self) -> Node:
        if self.peek() == "-":
            self.take()
            return Node("neg", (self.factor(),))
        return self.factor()

    def divisor(self) -> Node:
        node = self.factor()
        while self.reading.slash_wide and not self.ends() and self.peek() not in (r"\cdot", r"\times", "/"):
            node = Node("mul", (node, self.factor()))
        return node

    # -- powers, indices, applications
    def factor(self) -> Node:
        node = self.base()
        while True:
            token = self.peek()
            if token == "^":
                self.take()
                node = self.power(node, self.group())
            elif token == "_":
                self.take()
                node = self.index(node, self.group())
            elif token == "'" and node.op == "sym":
                self.take()
                node = Node("sym", node.args, node.name + "'")
            elif token == "!":
                self.take()
                node = Node("fact", (node,))
            elif token in PAIRS and self.is_function(node):
                node = Node("apply", (node, *self.arguments()))
            else:
                return node

    def is_function(self, node: Node) -> bool:
        if node.op in ("bound", "sym"):
            return node.name in self.callables or (node.name == "W" and _lambert(node))
        return False

    def arguments(self) -> tuple[Node, ...]:
        close = PAIRS[self.take()]
        found = [self.expression()]
        while self.peek() in (",", ";", "|"):
            self.take()
            found.append(self.expression())
        self.take(close)
        return tuple(found)

    def power(self, node: Node, exponent: list[str]) -> Node:
        text = "".join(exponent)
        if text in TRANSPOSE and not (text == "T" and node.op == "num"):
            return Node("T", (node,))
        if text in (r"-\top", "-T"):
            return Node("T", (Node("pow", (node, Node("num", value=-1.0))),))
        if text in ("*", r"\ast", r"\star", r"\dagger", "'") and node.op == "sym":
            return Node("sym", node.args, node.name + ("'" if text == "'" else "*"))
        if re.fullmatch(r"\(\w+\)", text) and node.op == "sym":
            return Node("sym", node.args, node.name + text)
        return Node("pow", (node, self.inner(exponent)))

    def index(self, node: Node, part: list[str]) -> Node:
        if node.op not in ("sym", "bound"):
            raise Unreadable("an index on an expression")
        try:
            parser = Parser(part, self.reading, self.callables)
            found = [parser.expression()]
            while parser.peek() == ",":
                parser.take()
                found.append(parser.expression())
            if parser.peek():
                raise Unreadable(parser.peek())
        except Unreadable:
            found = [Node("sym", name="".join(part))]
        return Node(node.op, (*node.args, *found), node.name)

    # -- atoms
    def base(self) -> Node:
        token = self.take()
        if token.isdecimal():
            return self.number(token)
        if token in PAIRS:
            node = self.expression()
            if self.peek() == ",":
                raise Unreadable("a tuple or an interval")
            self.take(PAIRS[token])
            return node
        if token == "{":
            self.at -= 1
            return self.inner(self.group())
        if token.rstrip("<") in BARS:
            return self.bar(token.rstrip("<"))
        if token == r"\langle":
            left = self.expression()
            if self.take() not in (",", "|"):
                raise Unreadable("⟨ without a comma")
            right = self.expression()
            self.take(r"\rangle")
            return Node("inner", (left, right))
        if token in (r"\lfloor", r"\lceil"):
            node = self.expression()
            self.take(r"\rfloor" if token == r"\lfloor" else r"\rceil")
            return Node("floor" if token == r"\lfloor" else "ceil", (node,))
        return self.symbol(token)

    def number(self, first: str) -> Node:
        text = first
        while self.peek().isdecimal() or (
            self.peek() == "." and self.peek(1).isdecimal() and "." not in text
        ):
            text += self.take()
        return Node("num", name=text, value=float(text))

    def bar(self, token: str) -> Node:
        self.bars += 1
        node = self.expression()
        self.take(token + ">" if self.peek() == token + ">" else token)
        self.bars -= 1
        if token == "|":
            return Node("abs", (node,))
        which = ""
        if self.peek() == "_":
            self.take()
            which = "".join(self.group())
        return Node("norm", (node,), which)

    def symbol(self, token: str) -> Node:
        if token.startswith(r"\bound:"):
            return Node("bound", name=token[len(r"\bound:") :])
        if token.startswith(r"\begin:"):
            return self.environment(token[len(r"\begin:") :])
        name = token.removeprefix(r"\op:").lstrip("\\")
        if token.startswith("\\") and name in FUNCTIONS:
            return self.function(name)
        if token == r"\frac":
            return Node("div", (self.inner(self.group()), self.inner(self.group())))
        if token == r"\binom":
            return Node("binom", (self.inner(self.group()), self.inner(self.group())))
        if token == r"\sqrt":
            return self.root()
        if token in (r"\sum", r"\prod"):
            return self.big(token[1:])
        if token == r"\int":
            return self.integral()
        if token in ACCENTS:
            part = self.group()
            return Node("sym", name=f"{token[1:]}:{''.join(part).lstrip(chr(92))}")
        if token == r"\infty":
            return Node("num", value=float("inf"))
        if re.fullmatch(r"[A-Za-zΑ-Ωα-ω]", token) or name in GREEK:
            return Node("sym", name=name)
        raise Unreadable(f"unknown: {token}")

    def root(self) -> Node:
        if self.peek() != "[":
            return Node("sqrt", (self.inner(self.group()),))
        self.take()
        start = self.at
        while self.peek() and self.peek() != "]":
            self.take()
        degree = self.inner(self.stream[start : self.at])
        self.take("]")
        return Node("sqrt", (self.inner(self.group()), degree))

    def function(self, name: str) -> Node:
        exponent: list[str] | None = None
        base: tuple[Node, ...] = ()
        while self.peek() in ("^", "_"):
            if self.take() == "^":
                exponent = self.group()
            elif name in ("max", "min"):
                raise Unreadable(f"{name} over a set")
            else:
                base = (self.inner(self.group()),)
        arguments = self.arguments() if self.peek() in PAIRS else (self.bare_argument(),)
        if base:
            node = Node("div", (Node("call", arguments, "log"), Node("call", base, "log")))
        else:
            node = Node("call", arguments, name)
        if exponent is None:
            return node
        if "".join(exponent) == "-1":
            raise Unreadable("an inverse function")
        return Node("pow", (node, self.inner(exponent)))

    def bare_argument(self) -> Node:
        """``\\ln a b``: a product, up to a sign, a bracket or the next function."""
        node = self.factor()
        while not self.ends():
            token = self.peek()
            word = token.removeprefix(r"\op:").lstrip("\\")
            stops = token in PAIRS or token in (
                r"\cdot",
                r"\times",
                r"\sum",
                r"\prod",
                r"\int",
                "/",
                r"\odot",
            )
            if stops or (token.startswith("\\") and word in FUNCTIONS):
                break
            node = Node("mul", (node, self.factor()))
        return node

    def bounds(self) -> tuple[list[str], list[str]]:
        low: list[str] = []
        high: list[str] = []
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                low = self.group()
            else:
                high = self.group()
        return low, high

    def big(self, kind: str) -> Node:
        low, high = self.bounds()
        if len(low) < 3 or low[1] != "=" or not high:
            raise Unreadable(f"{kind} over a set")
        body = self.expression() if self.reading.sum_wide else self.term()
        return Node(kind, (self.inner(low[2:]), self.inner(high), body), low[0].lstrip("\\"))

    def integral(self) -> Node:
        low, high = self.bounds()
        if not low or not high:
            raise Unreadable("an integral without bounds")
        start, depth = self.at, 0
        while True:
            token = self.take()
            depth += (token in ("(", "[", "{", r"\{")) - (token in (")", "]", "}", r"\}"))
            if depth == 0 and token in ("d", r"\op:d"):
                break
        body = self.stream[start : self.at - 1]
        variable = self.take().lstrip("\\")
        return Node("int", (self.inner(low), self.inner(high), self.inner(body)), variable)

    def environment(self, name: str) -> Node:
        rows = cells(name, self.take)
        if name == "cases":
            return cases(rows, self.inner, self.condition)
        if re.fullmatch(r"[pbBvV]?(small)?matrix", name) and len({len(row) for row in rows}) == 1:
            return Node("matrix", tuple(self.inner(cell) for row in rows for cell in row), str(len(rows)))
        raise Unreadable(f"environment {name}")

    def condition(self, part: list[str]) -> Node:
        """A chain of comparisons, such as the ``k < n`` beside a case."""
        parser = Parser(part, self.reading, self.callables)
        left = parser.expression()
        chain: list[Node] = []
        while parser.peek() in COMPARE:
            relation = COMPARE[parser.take()]
            right = parser.expression()
            chain.append(Node("compare", (left, right), relation))
            left = right
        while parser.peek() in (",", ".", ";"):
            parser.take()
        if parser.peek() or not chain:
            raise Unreadable("a condition that is not a comparison")
        return Node("list", tuple(chain))


def _lambert(node: Node) -> bool:
    return len(node.args) == 1 and node.args[0].op in ("neg", "num")


def parse(
    tex: str | list[str], reading: Reading | None = None, callables: frozenset[str] = frozenset()
) -> Node:
    """The tree of one side of a formula; raises Unreadable."""
    stream = tokens(tex) if isinstance(tex, str) else tex
    try:
        return Parser(unaligned(stream), reading or Reading(), callables).whole()
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
