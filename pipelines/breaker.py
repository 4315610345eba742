"""The circuit breaker: may a feed take the place of the last good one, or has something gone wrong with it?

Two profiles and the hub's limits go in, a ``Change`` comes out: of what kind it is, what holds it, and the numbers.
What feeds are like is read in ``profiles``; which record is which is known by ``identity``; what becomes of a feed that
is held is decided in ``standing``.

What is held, and what is not
-----------------------------
Growth and edits pass, whatever their size. A record is lost when nothing in the new feed is it, under any id, and
neither the hub's withdrawal nor a licence that is no longer open says why; a record that is in the feed with errors is
lost too. An answer is lost when its organisation has fewer than before, an organisation when it has none. Loss is held
above ``shrinkage_share``, of any kind of record, of any period, or over all, and when a kind or period has nothing
left. Where it looks as if the feed had been cut short, it is held above ``cut_share``: nothing is new, and the files
that lost something lost only their ends or all they had, and are otherwise as they were (but for the record or rows
where they break off). Files of one record each count as one file a folder: to delete such a file is how a record is
taken out.

Re-keying is content that comes under another id. It is held above ``rekeyed_share``, if it is more than one record. An
id that was made of the heading, and changed with it, is an edit of the heading. Returns are re-keyed when an
organisation is gone from a period and a new one has the same answers, or is of the same type, size and region and has
answered the same questions as often; or when all organisations of a period are others, and at least
``ROLLOVER_SHARE`` as many. In other hubs' returns they are still known by their old keys, and would count twice.

A period that ends while a newer one begins, with at least ``ROLLOVER_SHARE`` as many organisations, has been rolled
over, and is not lost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hubs.contract.kinds import document_kinds, table_kinds
from hubs.registration import Breaker
from pipelines.identity import match
from pipelines.profiles import Item, Profile

if TYPE_CHECKING:
    from pipelines.returns import Returns

ROLLOVER_SHARE = 0.7
MIN_CUT_RECORDS, MIN_CUT_ROWS = 2, 10
"""Fewer at the end of a file may well have been taken out by hand."""
MIN_REKEYED = 2
"""A single record may come under another id, its public one stays."""
MAX_LOST_NAMED = 100
_CODES = ("feed_shrank", "feed_cut_short", "feed_rekeyed")
_LISTS = ("kinds", "held_by", "lost", "why")
ALL = "all"
"""Stands for all kinds of records, or all periods."""


@dataclass
class Tally:
    """Records of one kind, organisations or rows of one period, or all of them, by what became of them.

    ``base`` are those that should still be there: those before but for ``withdrawn``, ``closed`` and ``rolled_over``.
    ``retitled`` are under another id because that follows the heading; ``refused`` is the part of ``lost`` that is in
    the new feed with errors, ``cut`` the part that was the end of files or whole files.
    """

    before: int = 0
    after: int = 0
    kept: int = 0
    edited: int = 0
    added: int = 0
    lost: int = 0
    rekeyed: int = 0
    retitled: int = 0
    withdrawn: int = 0
    closed: int = 0
    rolled_over: int = 0
    refused: int = 0
    cut: int = 0

    @property
    def base(self) -> int:
        return self.before - self.withdrawn - self.closed - self.rolled_over

    def share(self, n: int) -> float:
        """``n`` as a share of ``base``."""
        return n / self.base if self.base else 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(**{name: n + getattr(other, name) for name, n in asdict(self).items()})

    def to_dict(self) -> dict[str, Any]:
        """The counts above zero, and ``before`` and ``after``, with the shares that are held against the limits."""
        counts = {name: n for name, n in asdict(self).items() if n or name in ("before", "after")}
        shares = {f"{name}_share": round(self.share(getattr(self, name)), 4) for name in ("lost", "rekeyed")}
        return counts | {name: share for name, share in shares.items() if share}


@dataclass(frozen=True)
class Change:
    """What a feed would change in the last good one.

    ``kinds`` are words for it, ``none`` when a release would say the same: ``growth``, ``edits``, ``shrinkage`` (loss
    of any size), ``cut_short``, ``emptied``, ``rekeying``, ``rekeyed_returns``, ``licence_change``, ``withdrawals``,
    ``new_period``, ``refusals`` (other errors than before), ``particulars`` (nothing else). ``held_by`` are codes of
    findings, none when it may pass. ``numbers`` are tallies: ``records`` by kind, and ``organisations`` and ``rows`` of
    returns by kind and period, each with ``all``; and ``refused_rows``, how many more there are, by kind. ``rekeyed``
    gives the old id of each record that has another now; ``lost`` the first ids of the ``lost_n`` that are gone.
    ``why`` are sentences for the operator and the hub. They and the numbers tell exactly how many answered, which
    readers are not told. ``content`` is the new feed's (``Profile.content``).
    """

    kinds: tuple[str, ...]
    held_by: tuple[str, ...]
    numbers: Mapping[str, Any]
    rekeyed: Mapping[str, str]
    lost: tuple[str, ...]
    lost_n: int
    why: tuple[str, ...]
    content: str

    @property
    def is_nothing(self) -> bool:
        """Whether a release would say the same of both feeds."""
        return self.kinds == ("none",)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        return self.__dict__ | {name: list(getattr(self, name)) for name in _LISTS}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Change:
        """The change that ``to_dict`` wrote."""
        return cls(**{**data, **{name: tuple(data[name]) for name in _LISTS}})


def compare(
    before: Profile,
    after: Profile,
    limits: Breaker,
    *,
    closed: Set[str] = frozenset(),
    withdrawn: Set[str] = frozenset(),
) -> Change:
    """What ``after`` would change in ``before``, the last good feed. ``closed`` and ``withdrawn`` are the local ids of
    records that are gone because their licence is no longer open, or because the hub has withdrawn them.
    """
    if before.content == after.content:
        return Change(("none",), (), {}, {}, (), 0, ("Nothing has changed.",), after.content)
    records = _Records(before, after, closed, withdrawn)
    tables = [_Table(kind, before, after) for kind in sorted({kind for kind, _ in [*before.returns, *after.returns]})]
    scopes = [*records.scopes(), *(scope for table in tables for scope in table.scopes())]
    reasons = list(_reasons(scopes, limits))
    held_by = tuple(code for code in _CODES if any(reason.code == code for reason in reasons))
    return Change(
        kinds=_kinds(records, tables, scopes, held_by) or _lesser_kinds(before, after),
        held_by=held_by,
        numbers=_numbers(records, tables),
        rekeyed=records.moved,
        lost=tuple(records.lost[:MAX_LOST_NAMED]),
        lost_n=len(records.lost),
        why=tuple(_told(reasons) if reasons else _noted(records, tables)),
        content=after.content,
    )


@dataclass(frozen=True)
class _Scope:
    """Something that is held against the limits. ``one`` and ``several`` say what is counted, ``of`` of which period;
    ``is_whole`` is true of all kinds or all periods.
    """

    tally: Tally
    one: str
    several: str
    of: str = ""
    is_whole: bool = False
    min_cut: int = MIN_CUT_RECORDS


# Records.


class _Records:
    """What became of the records."""

    def __init__(self, before: Profile, after: Profile, closed: Set[str], withdrawn: Set[str]) -> None:
        old, new = before.records, after.records
        found = match({id: item.trait for id, item in old.items()}, {id: item.trait for id, item in new.items()})
        was = set(found.values())
        gone = [id for id in old if id not in was]
        self.moved = {id: place for id, place in found.items() if id != place}
        self.lost = [id for id in gone if id not in withdrawn and id not in closed]
        self.relicensed_n = sum(new[id].licence != old[place].licence for id, place in found.items())
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        for id in old:
            self.tallies[old[id].trait.kind].before += 1
        for id, item in new.items():
            self.tallies[item.trait.kind].after += 1
            if id in found:
                self._count_found(old[found[id]], item, is_moved=id in self.moved)
            else:
                self.tallies[item.trait.kind].added += 1
        for id in gone:
            tally = self.tallies[old[id].trait.kind]
            if id in withdrawn:
                tally.withdrawn += 1
            elif id in closed:
                tally.closed += 1
            else:
                tally.lost += 1
                tally.refused += id in after.refused
        for kind, n in _cut(old, new, found, set(self.lost), after.refused.keys()).items():
            self.tallies[kind].cut = n

    @property
    def all(self) -> Tally:
        """All kinds together."""
        return sum(self.tallies.values(), Tally())

    def _count_found(self, old: Item, new: Item, *, is_moved: bool) -> None:
        tally = self.tallies[old.trait.kind]
        if is_moved and old.is_named_by_heading and new.is_named_by_heading and old.trait.heading != new.trait.heading:
            tally.retitled += 1
        elif is_moved:
            tally.rekeyed += 1
        if old.trait.content != new.trait.content or (not is_moved and old.content != new.content):
            tally.edited += 1
        else:
            tally.kept += 1

    def scopes(self) -> Iterator[_Scope]:
        """Each kind, and all of them."""
        for kind, tally in sorted(self.tallies.items()):
            about = document_kinds()[kind]
            yield _Scope(tally, about.label_en.lower(), about.plural_en.lower())
        if len(self.tallies) > 1:
            yield _Scope(self.all, "record", "records", is_whole=True)


def _cut(
    old: Mapping[str, Item], new: Mapping[str, Item], found: Mapping[str, str], lost: Set[str], refused: Set[str]
) -> dict[str, int]:
    """For each kind of which nothing is new the number of records that were the ends of files, or whole files; none if
    any other was lost, or is there with errors.
    """
    now = {place: new[id] for id, place in found.items() if id == place}
    growing = {item.trait.kind for id, item in new.items() if id not in found}
    growing |= {old[id].trait.kind for id in lost & refused}
    cut: Counter[str] = Counter()
    was = set(found.values())
    for ids in _sequences({id: item for id, item in old.items() if id in was or id in lost}):
        kind = old[ids[0]].trait.kind
        kept = [id for id in ids if id not in lost]
        if len(kept) == len(ids) or kind in growing:
            continue
        same = [id for id in kept if id in now and (id == kept[-1] or now[id].content == old[id].content)]
        positions = [now[id].position for id in same]
        if ids[: len(kept)] == same == kept and positions == sorted(positions):
            cut[kind] += len(ids) - len(kept)
        else:
            growing.add(kind)
            del cut[kind]
    return cut


def _sequences(items: Mapping[str, Item]) -> Iterable[list[str]]:
    """The ids of each kind and file, in order; of files with one record each, those of a folder."""
    in_file = Counter((item.trait.kind, item.file) for item in items.values())
    found = defaultdict(list)
    for id in sorted(items, key=lambda name: items[name].position):
        kind, file = items[id].trait.kind, items[id].file
        is_alone = in_file[kind, file] == 1
        found[kind, is_alone, file.rpartition("/")[0] if is_alone else file].append(id)
    return found.values()


# Returns.


class _Table:
    """What became of the returns of one kind. ``organisations`` and ``rows`` are by period."""

    def __init__(self, kind: str, before: Profile, after: Profile) -> None:
        self.kind = kind
        old = {period: returns for (name, period), returns in before.returns.items() if name == kind}
        new = {period: returns for (name, period), returns in after.returns.items() if name == kind}
        self.rolled_over = _rolled_over(old, new)
        self.organisations: dict[str, Tally] = {}
        self.rows: dict[str, Tally] = {}
        for period in sorted({*old, *new}):
            self._count(period, old.get(period), new.get(period))
        self.refused_n = max(after.refused_rows.get(kind, 0) - before.refused_rows.get(kind, 0), 0)
        if _is_cut(kind, before, after):
            for tally in [*self.rows.values(), *self.organisations.values()]:
                tally.cut = tally.lost

    def _count(self, period: str, old: Returns | None, new: Returns | None) -> None:
        if old is not None and new is not None:
            self.organisations[period], self.rows[period] = _compared(old, new)
        elif old is not None:
            fate = "rolled_over" if period in self.rolled_over else "lost"
            for tallies, n in ((self.organisations, len(old.keys)), (self.rows, old.rows_n)):
                tallies[period] = Tally(before=n, **{fate: n})
        elif new is not None:
            for tallies, n in ((self.organisations, len(new.keys)), (self.rows, new.rows_n)):
                tallies[period] = Tally(after=n, added=n)

    def scopes(self) -> Iterator[_Scope]:
        """Rows and organisations of each period, and of all."""
        label = table_kinds()[self.kind]
        answers = (label.label_en.lower(), label.plural_en.lower(), MIN_CUT_ROWS)
        for tallies, (one, several, least) in (
            (self.rows, answers),
            (self.organisations, ("organisation", "organisations", MIN_CUT_RECORDS)),
        ):
            for period, tally in tallies.items():
                yield _Scope(tally, one, several, f" of {period}", min_cut=least)
            if len(tallies) > 1:
                yield _Scope(sum(tallies.values(), Tally()), one, several, is_whole=True, min_cut=least)


def _compared(old: Returns, new: Returns) -> tuple[Tally, Tally]:
    """Organisations and rows of one period that both feeds have."""
    import numpy as np  # was loaded with the returns

    _, here, there = np.intersect1d(old.keys, new.keys, assume_unique=True, return_indices=True)
    gone = np.delete(np.arange(len(old.keys)), here)
    came = np.delete(np.arange(len(new.keys)), there)
    # Whoever has the same answers was asked the same; only their rows are certain not to be lost.
    rekeyed = (Counter(old.asked[gone].tolist()) & Counter(new.asked[came].tolist())).total()
    lost_rows = int(np.maximum(old.rows[here] - new.rows[there], 0).sum())
    if not len(here) and len(new.keys) >= ROLLOVER_SHARE * len(old.keys):
        rekeyed = min(len(old.keys), len(new.keys))
        lost_rows += max(old.rows_n - new.rows_n, 0)
    else:
        left = Counter(old.answered[gone].tolist()) & Counter(new.answered[came].tolist())
        for answered, rows in zip(old.answered[gone].tolist(), old.rows[gone].tolist(), strict=True):
            if left[answered]:
                left[answered] -= 1
            else:
                lost_rows += rows
    is_same = (old.answered[here] == new.answered[there]) & (old.rows[here] == new.rows[there])
    organisations = Tally(
        before=len(old.keys),
        after=len(new.keys),
        kept=int(is_same.sum()),
        edited=int((~is_same).sum()),
        added=len(came) - rekeyed,
        lost=len(gone) - rekeyed,
        rekeyed=rekeyed,
    )
    kept = old.rows_n - lost_rows
    return organisations, Tally(
        before=old.rows_n, after=new.rows_n, kept=kept, added=max(new.rows_n - kept, 0), lost=lost_rows
    )


def _rolled_over(old: Mapping[str, Returns], new: Mapping[str, Returns]) -> dict[str, str]:
    """Periods that have ended, each with the newer one that has begun in its place."""
    begun = sorted(set(new) - set(old))
    found = {}
    for period in sorted(set(old) - set(new)):
        least = ROLLOVER_SHARE * len(old[period].keys)
        successor = next((name for name in begun if name > period and len(new[name].keys) >= least), None)
        if successor is not None:
            found[period] = successor
            begun.remove(successor)
    return found


def _is_cut(kind: str, before: Profile, after: Profile) -> bool:
    """Whether the tables of a kind are as they were, but for ends of files and whole files that are missing."""
    old = {file: sheet for (name, file), sheet in before.sheets.items() if name == kind}
    new = {file: sheet for (name, file), sheet in after.sheets.items() if name == kind}
    if set(new) - set(old):
        return False
    for file, sheet in new.items():
        was = old[file]
        if sheet.blocks == was.blocks:
            continue
        last = max(sheet.blocks)  # the block in which a file ends differs in any case
        whole = {block: digest for block, digest in sheet.blocks.items() if block < last}
        if sheet.last >= was.last or whole != {b: d for b, d in was.blocks.items() if b < last}:
            return False
    return True


# Against the limits, and in words.


@dataclass(frozen=True)
class _Reason:
    """Something that holds a feed: a code, the share by which it does, and what that means."""

    code: str
    share: float
    scope: _Scope
    text: str


def _reasons(scopes: Sequence[_Scope], limits: Breaker) -> Iterator[_Reason]:
    for scope in scopes:
        tally = scope.tally
        lost, rekeyed = tally.share(tally.lost), tally.share(tally.rekeyed)
        is_cut = tally.cut >= scope.min_cut and tally.share(tally.cut) > limits.cut_share
        if is_cut:
            share = tally.share(tally.cut)
            yield _Reason("feed_cut_short", share, scope, _missing(scope, tally.cut, limits.cut_share, " from the end"))
        if (_is_emptied(tally) or lost > limits.shrinkage_share) and not (is_cut and tally.cut == tally.lost):
            yield _Reason("feed_shrank", lost, scope, _missing(scope, tally.lost, limits.shrinkage_share))
        if tally.rekeyed >= MIN_REKEYED and rekeyed > limits.rekeyed_share:
            words = _counted(scope, tally.rekeyed, "comes", "come")
            text = f"{words} under other ids ({_share(rekeyed)}, the limit is {_share(limits.rekeyed_share)})."
            yield _Reason("feed_rekeyed", rekeyed, scope, text)


def _is_emptied(tally: Tally) -> bool:
    return tally.lost > 0 and not tally.after


def _missing(scope: _Scope, n: int, limit: float, where: str = "") -> str:
    tally = scope.tally
    words = _counted(scope, n, "is", "are")
    share = tally.share(n)
    told = f"{words} missing{where} ({_share(share)}"
    told += f", the limit is {_share(limit)})" if share > limit else ", and none is left)"
    if tally.refused:
        told += f"; {tally.refused:,} of them {'is' if tally.refused == 1 else 'are'} in the feed with errors"
    return f"{told}."


def _counted(scope: _Scope, n: int, one: str, several: str) -> str:
    """Such as '3 of 4 terms are', or '1 of 4 terms is'."""
    base = scope.tally.base
    return f"{n:,} of {base:,} {scope.one if base == 1 else scope.several}{scope.of} {one if n == 1 else several}"


def _share(share: float) -> str:
    return f"{share * 100:.1f}".removesuffix(".0") + " %"


def _told(reasons: Sequence[_Reason]) -> list[str]:
    """A sentence a code: about all together where that holds the feed, else about the worst."""
    worst: dict[str, _Reason] = {}
    for reason in sorted(reasons, key=lambda reason: (reason.scope.is_whole, reason.share, reason.scope.tally.base)):
        worst[reason.code] = reason
    return [worst[code].text for code in _CODES if code in worst]


def _noted(records: _Records, tables: Sequence[_Table]) -> list[str]:
    """What passes, in words."""
    tally = records.all
    rows = sum((t for table in tables for t in table.rows.values()), Tally())
    edited = sum(t.edited for table in tables for t in table.organisations.values())
    parts = [
        (tally.added, "record is new", "records are new"),
        (rows.added, "answer is new", "answers are new"),
        (tally.edited, "record is edited", "records are edited"),
        (edited, "organisation has other answers", "organisations have other answers"),
        (tally.lost, "record is missing", "records are missing"),
        (rows.lost, "answer is missing", "answers are missing"),
        (tally.rekeyed + tally.retitled, "record comes under another id", "records come under other ids"),
        (tally.withdrawn, "record is withdrawn", "records are withdrawn"),
        (tally.closed, "record goes, its licence is not open", "records go, their licence is not open"),
        (records.relicensed_n, "record has another licence", "records have another licence"),
    ]
    told = [f"{n:,} {one if n == 1 else several}" for n, one, several in parts if n]
    told += [f"{new} follows {old}" for table in tables for old, new in table.rolled_over.items()]
    if told:
        return [f"{'; '.join(told)}."]
    return [
        "No record and no answer is different, only what goes with them: withdrawals, errors, or what was worked out."
    ]


def _kinds(
    records: _Records, tables: Sequence[_Table], scopes: Iterable[_Scope], held_by: Sequence[str]
) -> tuple[str, ...]:
    tallies = [records.all, *(t for table in tables for t in table.rows.values())]
    organisations = [t for table in tables for t in table.organisations.values()]
    found = {
        "growth": any(t.added for t in tallies),
        "edits": any(t.edited or t.retitled for t in [*tallies, *organisations]),
        "shrinkage": any(t.lost for t in tallies),
        "cut_short": "feed_cut_short" in held_by,
        "emptied": any(_is_emptied(scope.tally) for scope in scopes),
        "rekeying": records.all.rekeyed > 0,
        "rekeyed_returns": any(t.rekeyed for t in organisations),
        "licence_change": records.all.closed > 0 or records.relicensed_n > 0,
        "withdrawals": records.all.withdrawn > 0,
        "new_period": any(table.rolled_over for table in tables),
    }
    return tuple(word for word, holds in found.items() if holds)


def _lesser_kinds(before: Profile, after: Profile) -> tuple[str, ...]:
    """Words for a change in which every record and answer is as it was."""
    found = {
        "withdrawals": before.notices != after.notices,
        "refusals": (before.refused, before.refused_rows) != (after.refused, after.refused_rows),
    }
    return tuple(word for word, holds in found.items() if holds) or ("particulars",)


def _numbers(records: _Records, tables: Sequence[_Table]) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    if records.tallies:
        numbers["records"] = _with_all(records.tallies)
    for table in tables:
        numbers.setdefault("organisations", {})[table.kind] = _with_all(table.organisations)
        numbers.setdefault("rows", {})[table.kind] = _with_all(table.rows)
        if table.refused_n:
            numbers.setdefault("refused_rows", {})[table.kind] = table.refused_n
    return numbers


def _with_all(tallies: Mapping[str, Tally]) -> dict[str, Any]:
    whole = {ALL: sum(tallies.values(), Tally())}
    return {name: tally.to_dict() for name, tally in sorted({**whole, **tallies}.items())}
