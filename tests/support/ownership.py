"""Whose rows a statement reads and writes, as Citus would see it: by its text, parsed, and where each table's rows lie.

A statement is taken apart into *blocks*: each select, insert, update and delete in it. Blocks that look at another's
columns are one *step* with it; every other is a step by itself, whose result the next one is given. What a table's
owner is said to equal is followed through each block's conditions.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec
import sqlglot
from sqlglot import exp

from linnet.stores.postgres.distribution import Distributed, Placement

# Operators of pattern order, which the parser does not know; they compare as their namesakes do.
_PATTERN_ORDER = ((" ~>=~ ", " >= "), (" ~<~ ", " < "), (" using ~<~", ""))
# PostgreSQL's own tables, those of the job queue, and what a connection makes for itself.
_OTHERS = ("pg_", "citus_tables", "schema_migrations", "linnet_jobs.", "staged_")
# What is said where tables lie on Citus, in the place of what it would not take: once for each owner, or in steps.
ON_CITUS: Mapping[str, str] = {
    "users.lock": "users.lock_one",
    "fanout.lock_tweets": "fanout.lock_tweets_of_one",
    "likes.delete_orphans": "likes.delete_orphans_of_one",
    "votes.delete_orphans": "votes.delete_orphans_of_one",
    "popular.fetch_rankable": "popular.fetch_rankable_of_one",
    "tags.lock_people": "tags.lock_people_of_one",
    "tags.fetch_packed": "tags.fetch_tweets",
    "tags.fetch_packed_above": "tags.fetch_tweets_above",
    "fanout.fetch_reply_audiences": "fanout.fetch_reply_audiences_in_steps",
    "tweets.find_by_id": "tweets.find_by_id_in_steps",
}
_CHANGING = {"now", "clock_timestamp", "random", "statement_timestamp", "timeofday", "nextval"}

Term = tuple[str, str]
_MANY: Term = ("many", "")


class Finding(msgspec.Struct, frozen=True, order=True):
    """What Citus would have to do that is dear, or would not do. ``table`` is whose rows it is about."""

    rule: str
    table: str


class _Source:
    """What stands under one name in a block's ``from``."""

    def __init__(self, number: int, table: str | None, columns: frozenset[str] | None) -> None:
        self.key = str(number)
        # None: rows that an earlier step found, or that were given.
        self.table = table
        self.columns = columns


class _Block:
    def __init__(self, node: exp.Expr, outer: "_Block | None") -> None:
        self.node = node
        self.outer = outer
        self.sources: dict[str, _Source] = {}
        self.equal: list[tuple[Term, Term]] = []

    def resolve(self, column: exp.Column) -> tuple["_Block", _Source] | None:
        block: _Block | None = self
        while block is not None:
            if column.table:
                if (source := block.sources.get(column.table)) is not None:
                    return block, source
            else:
                known = [each for each in block.sources.values() if each.columns and column.name in each.columns]
                unknown = [each for each in block.sources.values() if each.columns is None]
                if known or (len(unknown) == 1 and len(block.sources) == 1):
                    return block, (known or unknown)[0]
            block = block.outer
        return None

    def all_equal(self) -> list[tuple[Term, Term]]:
        """What its rows fulfil, and those of the blocks around it that they are looked up for."""
        return [pair for each in self.lines() for pair in each.equal]

    def lines(self) -> "Iterator[_Block]":
        """The block, and those around it that it may look at, outwards."""
        block: _Block | None = self
        while block is not None:
            yield block
            block = block.outer


class Ownership:
    """Judges statements over these tables, given with their columns."""

    def __init__(self, placements: Mapping[str, Placement], columns: Mapping[str, frozenset[str]]) -> None:
        self._placements = placements
        self._columns = columns

    def judge(self, text: str) -> list[Finding]:
        """Empty: each distributed table is asked for the rows of owners that are named, in steps that Citus can do."""
        return sorted(set(_Judgement(parse(text), self._placements, self._columns).findings()))


def parse(text: str) -> exp.Expr:
    """The statement, with its parameters as placeholders."""
    text = re.sub(r"^\s*--.*$", "", in_plain_order(text), flags=re.MULTILINE)
    return sqlglot.parse_one(re.sub(r"%\((\w+)\)s", r":\1", text), dialect="postgres")


def in_plain_order(text: str) -> str:
    """The statement with the operators that the parser knows in the place of those of pattern order."""
    for word, plain in _PATTERN_ORDER:
        text = text.replace(word, plain)
    return text


class _Judgement:
    def __init__(
        self, tree: exp.Expr, placements: Mapping[str, Placement], columns: Mapping[str, frozenset[str]]
    ) -> None:
        self._placements = placements
        self._columns = columns
        self._steps = {cte.alias for cte in tree.find_all(exp.CTE)}
        self._count = 0
        self._tree = tree
        self._blocks: list[_Block] = []
        self._collect(tree, None)

    # Taking apart

    def _collect(self, node: exp.Expr, outer: _Block | None) -> None:
        """Every block at or below a node; those that stand in an expression may look at ``outer``."""
        if isinstance(node, exp.Select | exp.Update | exp.Delete | exp.Insert):
            block = _Block(node, outer)
            self._blocks.append(block)
            for place in self._places_of(node):
                self._add_source(block, place)
            self._note_equalities(block)
            for child in _children(node):
                # What is inserted is a step of its own, and so is every named one.
                stands_apart = isinstance(child, exp.With) or (
                    isinstance(node, exp.Insert) and child.arg_key == "expression"
                )
                self._collect(child, None if stands_apart else block)
        elif isinstance(node, exp.Subquery) and isinstance(node.parent, exp.From | exp.Join):
            for child in _children(node):
                self._collect(child, None)
        else:
            for child in _children(node):
                self._collect(child, outer)

    def _places_of(self, node: exp.Expr) -> Iterator[exp.Expr]:
        if isinstance(node, exp.Insert):
            yield node.this.this if isinstance(node.this, exp.Schema) else node.this
        elif isinstance(node, exp.Update | exp.Delete):
            yield node.this
            yield from node.args.get("using") or []
        if (origin := node.args.get("from_")) is not None:
            yield origin.this
        for each in [node, *([origin.this] if origin is not None else []), node.this]:
            if isinstance(each, exp.Expr):
                for join in each.args.get("joins") or []:
                    yield join.this

    def _add_source(self, block: _Block, place: exp.Expr) -> None:
        self._count += 1
        name = place.alias_or_name
        if isinstance(place, exp.Table) and isinstance(place.this, exp.Identifier) and place.name not in self._steps:
            table = f"{place.db}.{place.name}" if place.db else place.name
            block.sources[name] = _Source(self._count, table, self._columns.get(table))
        else:
            aliased = place.args.get("alias")
            named = frozenset(each.name for each in aliased.args.get("columns") or []) if aliased is not None else None
            if not named and isinstance(place, exp.Subquery) and isinstance(place.this, exp.Select):
                named = frozenset(each.alias_or_name for each in place.this.selects)
            block.sources[name] = _Source(self._count, None, named or None)

    def _note_equalities(self, block: _Block) -> None:
        for condition in _conditions(block.node):
            if isinstance(condition, exp.EQ):
                left, right = condition.this, condition.expression
                if isinstance(right, exp.Any):
                    block.equal += [(self._term(block, left), _MANY)] if _is_given(right.this) else []
                elif (a := self._term(block, left)) != ("", "") and (b := self._term(block, right)) != ("", ""):
                    block.equal.append((a, b))
            elif isinstance(condition, exp.In):
                listed = condition.args.get("expressions") or []
                if condition.args.get("query") is not None or (listed and all(map(_is_given, listed))):
                    members = condition.this.expressions if isinstance(condition.this, exp.Tuple) else [condition.this]
                    block.equal += [(self._term(block, member), _MANY) for member in members]

    def _term(self, block: _Block, expression: exp.Expr) -> Term:
        """A column, a value that is given, or ("", "") for what says nothing about whose row it is."""
        while isinstance(expression, exp.Cast | exp.Paren):
            expression = expression.this
        if isinstance(expression, exp.Column):
            found = block.resolve(expression)
            if found is None:
                raise LookupError(f"nobody knows the column {expression.sql()}")
            source = found[1]
            return (f"{'column' if source.table is not None else 'rows'} {source.key}", expression.name)
        if isinstance(expression, exp.Placeholder | exp.Literal):
            return ("value", expression.name)
        return ("", "")

    # Judging

    def findings(self) -> Iterator[Finding]:
        is_of_one = self._is_of_one()
        for block in self._blocks:
            equal = block.all_equal()
            yield from self._unknown(block)
            yield from self._whose(block, equal)
            yield from self._writes(block)
            if not is_of_one:
                # A statement about one owner goes to that owner's node as it is, and may be anything.
                yield from self._apart(block, equal)
                yield from self._locks(block, equal)
                yield from self._shapes(block)
        if not is_of_one and any(each.args.get("recursive") for each in self._tree.find_all(exp.With)):
            yield Finding("recursive", "")

    def _is_of_one(self) -> bool:
        """Whether everything in it belongs to one and the same owner, who is given."""
        given = [
            {each for each in _class_of(owner, block.all_equal()) if each[0] == "value"}
            for block in self._blocks
            if not isinstance(block.node, exp.Insert)
            for _, owner in self._owned(block)
        ]
        return bool(given and set.intersection(*given))

    def _unknown(self, block: _Block) -> Iterator[Finding]:
        for source in block.sources.values():
            table = source.table or ""
            if table and table not in self._placements and not table.startswith(_OTHERS):
                yield Finding("unknown", table)

    def _owned(self, block: _Block) -> Iterator[tuple[str, Term]]:
        for source in block.sources.values():
            placement = self._placements.get(source.table or "")
            if isinstance(placement, Distributed):
                yield str(source.table), (f"column {source.key}", placement.owner)

    def _whose(self, block: _Block, equal: list[tuple[Term, Term]]) -> Iterator[Finding]:
        for table, owner in self._owned(block):
            if isinstance(block.node, exp.Insert):
                named = (
                    [each.name for each in block.node.this.expressions]
                    if isinstance(block.node.this, exp.Schema)
                    else []
                )
                if owner[1] not in named:
                    yield Finding("no owner", table)
            elif not any(each[0].startswith(("value", "many", "rows")) for each in _class_of(owner, equal)):
                yield Finding("scatter", table)

    def _apart(self, block: _Block, equal: list[tuple[Term, Term]]) -> Iterator[Finding]:
        """Rows of different owners that have to be met in one step."""
        if isinstance(block.node, exp.Insert):
            return
        around = list(self._outer_of(block))
        outer = [owned for each in around for owned in self._owned(each)]
        own = list(self._owned(block))
        for number, (table, owner) in enumerate(own):
            others = [other for _, other in outer + own[:number]]
            # Asked anew for each row that an earlier step found, it would have to be asked of every node.
            for_each_row = any(each.sources for each in around) and not outer
            if for_each_row or (others and not any(other in _class_of(owner, equal) for other in others)):
                yield Finding("apart", table)

    def _outer_of(self, block: _Block) -> Iterator[_Block]:
        """The blocks around one that it cannot be taken out of."""
        inner = {id(each) for each in self._blocks if block in each.lines()}
        reached: set[int] = set()
        for each in self._blocks:
            if id(each) in inner:
                for column in _own_columns(each.node):
                    found = each.resolve(column)
                    if found is not None and id(found[0]) not in inner and found[0] is not block:
                        reached.add(id(found[0]))
        if reached:
            for each in block.lines():
                if each is not block:
                    yield each

    def _locks(self, block: _Block, equal: list[tuple[Term, Term]]) -> Iterator[Finding]:
        for lock in block.node.args.get("locks") or []:
            of = {each.name for each in lock.expressions}
            names = {source.key: name for name, source in block.sources.items()}
            for table, owner in self._owned(block):
                held = not of or names[owner[0].removeprefix("column ")] in of
                if held and not any(each[0] == "value" for each in _class_of(owner, equal)):
                    yield Finding("locks", table)

    def _writes(self, block: _Block) -> Iterator[Finding]:
        node = block.node
        owned = dict(self._owned(block))
        conflict = node.args.get("conflict")
        if owned and conflict is not None and any(_function(each) in _CHANGING for each in conflict.walk()):
            yield Finding("changing function", next(iter(owned)))
        if isinstance(node, exp.Update):
            target = node.this.name
            owner = next((term[1] for table, term in owned.items() if table == target), None)
            if owner is not None and any(each.this.name == owner for each in node.expressions):
                yield Finding("moves", target)

    def _shapes(self, block: _Block) -> Iterator[Finding]:
        node = block.node
        distributed_before = bool(node.args.get("from_")) and self._is_owned(node.args["from_"].this)
        for join in node.args.get("joins") or []:
            is_owned = self._is_owned(join.this)
            if join.side in ("RIGHT", "FULL") or (join.side == "LEFT" and is_owned and not distributed_before):
                yield Finding("outer join", join.this.name)
            distributed_before = distributed_before or is_owned
            if isinstance(join.this, exp.Lateral) and join.this.find(exp.Limit):
                yield Finding("lateral", "")
        for lateral in node.args.get("laterals") or []:
            if lateral.find(exp.Limit):
                yield Finding("lateral", "")

    def _is_owned(self, place: exp.Expr) -> bool:
        return isinstance(place, exp.Table) and isinstance(self._placements.get(place.name), Distributed)


def _children(node: exp.Expr) -> Iterator[exp.Expr]:
    return node.iter_expressions()


def _conditions(node: exp.Expr) -> Iterator[exp.Expr]:
    """What every row of the block fulfils."""
    origin = node.args.get("from_")
    for each in [node, *([origin.this] if origin is not None else []), node.this]:
        if isinstance(each, exp.Expr):
            for join in each.args.get("joins") or []:
                # What an outer join says is true of the rows that it brings, and of no others.
                if (on := join.args.get("on")) is not None:
                    yield from on.flatten() if isinstance(on, exp.And) else [on]
    if (where := node.args.get("where")) is not None:
        yield from where.this.flatten() if isinstance(where.this, exp.And) else [where.this]


def _own_columns(node: exp.Expr) -> Iterator[exp.Column]:
    """The columns that a block names itself, without those of blocks in it."""
    for child in node.iter_expressions():
        if isinstance(child, exp.Column):
            yield child
        elif not isinstance(child, exp.Select | exp.Update | exp.Delete | exp.Insert):
            yield from _own_columns(child)


def _is_given(expression: exp.Expr) -> bool:
    """Whether it is made of parameters and literals alone."""
    return expression.find(exp.Column) is None and expression.find(exp.Select) is None


def _class_of(term: Term, equal: list[tuple[Term, Term]]) -> set[Term]:
    """All that is known to equal it. Two that are among many are not each other."""
    known = {term}
    todo = [term]
    while todo:
        each = todo.pop()
        for left, right in equal:
            for one, other in ((left, right), (right, left)):
                if one == each and other not in known:
                    known.add(other)
                    if other != _MANY:
                        todo.append(other)
    return known


def _function(node: exp.Expr) -> str:
    if isinstance(node, exp.CurrentTimestamp):
        return "now"
    return node.name.lower() if isinstance(node, exp.Anonymous) else ""
