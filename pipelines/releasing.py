"""From what was consolidated and counted to what readers see: a candidate is built and verified, somebody approves it,
or the rule does, and then it is published. Also what reaches releases that are out: withdrawals, and the key.

What a candidate is stands in ``candidates``, how it is built and shown in ``publish``, what comes before in ``line``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from hubs.contract.records import canonical_json
from hubs.instruments import instruments
from hubs.judge import RULES_VERSION
from pipelines import publish, runs, standing, validate
from pipelines.bases import bases
from pipelines.candidates import Candidate, CandidateRefused, CandidateState, Kept
from pipelines.consolidate import packs
from pipelines.edition import Edition, HubState, LibraryRecord, Published, WaveTold
from pipelines.keys import Signer
from pipelines.ledger import SAMPLE, Row, rows_of
from pipelines.line import (
    Line,
    Progress,
    build_key,
    gather_all,
    make_benchmarks,
    make_library,
    returns_key,
    standings,
    withdrawn,
    withdrawn_by,
)
from pipelines.policy import read_policy
from pipelines.publish import Reissued
from pipelines.signatures import PublicKey, ReleaseKey, read_public
from pipelines.version import code_version
from pipelines.withdrawals import in_force

LEAKS_SHOWN = 5
"""Of what the attack on the benchmarks has found, when it refuses a release."""
LONGEST_SAID = 500
"""Characters of a name, note or reason."""
AGAIN = "build another with hubpacks run --candidate"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``release`` is the id of the release that readers now see, None if there has never been one;
    ``is_new`` whether this run made it. ``candidate`` is the one that waits, or that was refused, and says what would
    be published now. ``waves`` says how periods are told.
    """

    release: str | None
    is_new: bool
    candidate: Candidate | None
    hubs: tuple[HubState, ...]
    library: Mapping[str, LibraryRecord]
    problems: Mapping[str, list[str]]
    waves: tuple[WaveTold, ...]


def run(line: Line, now: datetime, progress: Progress, *, to_publish: bool = True) -> Outcome:
    """Pull, judge, consolidate and count; then publish, as far as the rule lets it, or with ``to_publish`` False leave
    a candidate. Nothing is built when nothing has changed.

    Raises what ``make_release`` raises; files.Busy when another run is at work on the same store.
    """
    with line.store.locked("run"):
        gather_all(line, now, progress)
        line.keeper.must_last()
        progress("consolidate", "all hubs")
        library = make_library(line)
        progress("benchmark", "all hubs")
        make_benchmarks(line)
        progress("publish", "what is new")
        if to_publish:
            release = make_release(line, now, progress)
        else:
            release = None
            make_candidate(line, now, progress, again=True)
        latest = publish.latest(line.public)
        _, _, waves = line.store.disclosure()
        newest = latest.id if latest else None
        pending = _pending(line, latest)
        return Outcome(newest, release is not None, pending, standings(line), library, line.registry.problems, waves)


@runs.stage("publish")
def make_release(line: Line, now: datetime, progress: Progress = lambda _stage, _what: None) -> str | None:
    """Let the releases there are follow what has been withdrawn; then make a candidate of the library and the
    benchmarks that were made last, and publish it if the rule asks for nobody's approval. The new release's id; None
    when nothing was published: the candidate waits, one like it was refused, or the latest release says the same
    already and was signed with the key that is the current one.

    Raises publish.ReleaseRefused when there is nothing to publish, when library and benchmarks are not of the feeds now
    in use, or when the release does not pass its own verification; keys.KeyRefused, signatures.UnusableKey and
    files.Damaged when it is not clear which key is to sign it (whatever is wrong, the old release stays); files.Busy
    when somebody else is publishing.
    """
    with line.store.locked("release"):
        before = line.store.candidates.waiting()
        candidate = _make_candidate(line, now, progress, again=False)
        if candidate is None:
            return None
        if why := line.rule.why_not(standings(line)):
            progress("waits", f"{candidate.id} for approval: {'; '.join(why)}")
            return None
        _publish(line, candidate, now, is_verified=candidate != before)
        return candidate.id


@runs.stage("publish")
def make_candidate(
    line: Line, now: datetime, progress: Progress = lambda _stage, _what: None, *, again: bool = False
) -> Candidate | None:
    """The same, but the candidate waits for somebody to approve it, whatever the rule says. Also one that waits already
    and says the same. None when the latest release says it, or a candidate that was refused did; with ``again``, such
    a one is built once more.

    Raises what ``make_release`` raises.
    """
    with line.store.locked("release"):
        return _make_candidate(line, now, progress, again=again)


def approve(line: Line, id: str, now: datetime, *, by: str, note: str) -> Candidate:
    """Publish the candidate of that id in the name of ``by``, which readers are told; ``note`` is kept. Where the rule
    asks for two people, the first approval only waits for the second.

    Raises candidates.NoSuchCandidate; candidates.CandidateRefused when it cannot be approved (any more);
    publish.ReleaseRefused when it is not as it was built; what else ``make_release`` raises.
    """
    log = line.store.candidates
    by, note = _said("a name", by), _said("a note", note)
    with line.store.locked("release"):
        _finish(line, now)
        candidate = _undecided(line, id)
        if now < candidate.built:
            raise CandidateRefused(
                f"{id} was built on {candidate.built:%-d %B %Y at %H:%M}, after now: check the clock"
            )
        if why := why_stale(line, candidate):
            raise CandidateRefused(f"{id} cannot be approved any more: {why}; {AGAIN}")
        names = {approval.by.casefold() for approval in candidate.approvals}
        if len(names) < line.rule.people:  # else a run was killed when all had approved
            if by.casefold() in names:
                raise CandidateRefused(f"{by} has approved {id} already: a second person has to")
            log.note("approved", now, id, by=by, note=note)
            candidate = log.find(id)
        if len(candidate.approvals) >= line.rule.people:
            _publish(line, candidate, now)
        return log.find(id)


def refuse(line: Line, id: str, now: datetime, *, by: str, reason: str) -> Candidate:
    """Refuse the candidate of that id: it goes, and why stays. What it says is not built again until something changes,
    or somebody asks for it.

    Raises candidates.NoSuchCandidate, and candidates.CandidateRefused when it does not wait; files.Busy.
    """
    by, reason = _said("a name", by), _said("a reason", reason)
    with line.store.locked("release"):
        _finish(line, now)
        _undecided(line, id)
        _drop(line, id, "refused", now, reason=reason, by=by)
        return line.store.candidates.find(id)


def _said(what: str, text: str) -> str:
    """``text`` in one line. It goes into a log, a name also into the release and the ledger."""
    said = " ".join(text.split())
    if not said or len(said) > LONGEST_SAID or not said.isprintable():
        raise CandidateRefused(f"give {what}: one line of at most {LONGEST_SAID} characters")
    return said


def _undecided(line: Line, id: str) -> Candidate:
    candidate = line.store.candidates.find(id)
    match candidate.state:
        case CandidateState.PUBLISHED:
            raise CandidateRefused(f"{id} is published already")
        case CandidateState.REFUSED:
            raise CandidateRefused(f"{id} was refused by {candidate.by}: {candidate.reason}; {AGAIN}")
        case CandidateState.SUPERSEDED:
            waiting = line.store.candidates.waiting()
            raise CandidateRefused(f"{id} has gone: {candidate.reason}" + (f"; {waiting.id} waits" if waiting else ""))
    return candidate


def _pending(line: Line, latest: Published | None) -> Candidate | None:
    """The candidate that says what would be published now, and is not."""
    found = line.store.candidates.all()
    states = (CandidateState.WAITING, CandidateState.REFUSED)
    is_pending = found and found[-1].state in states and found[-1].previous == (latest.id if latest else None)
    return found[-1] if is_pending and found[-1].key == build_key(line) else None


def _make_candidate(line: Line, now: datetime, progress: Progress, *, again: bool) -> Candidate | None:
    """Raises what ``make_release`` raises; the log has why."""
    _finish(line, now)
    try:
        return _candidate(line, now, progress, again=again)
    except publish.ReleaseRefused as refused:
        line.store.candidates.note("failed", now, reason=str(refused))
        raise


def _candidate(line: Line, now: datetime, progress: Progress, *, again: bool) -> Candidate | None:
    log = line.store.candidates
    follow_decisions(line, now, progress)
    previous, key, waiting = publish.latest(line.public), build_key(line), log.waiting()
    known = line.keys.known()
    current = known[-1].public.text if known else None
    if previous is not None and (previous.build_key, previous.signed_by) == (key, current):
        if waiting is not None:
            _drop(line, waiting.id, "superseded", now, reason=f"what hubs send is again what {previous.id} says")
        log.note("unchanged", now)
        return None
    if line.store.made_of("library") != key or line.store.made_of("benchmarks") != returns_key(line):
        raise publish.ReleaseRefused("a hub has changed since library and benchmarks were made; make them again")
    if waiting is not None and waiting.key == key and why_stale(line, waiting) is None:
        log.note("unchanged", now)
        return waiting
    alike = [one for one in log.all() if one.key == key and one.state is CandidateState.REFUSED]
    if alike and alike[-1].previous == (previous.id if previous else None) and not again:
        progress("not built", f"{alike[-1].id} said the same, and {alike[-1].by} refused it: {alike[-1].reason}")
        log.note("unchanged", now)
        return None
    edition, signer, kept = _edition(line, now, previous, key)
    if signer.is_new:
        where = line.keys.private_path
        progress("sign", f"made a new key, {signer.public.id}, in {where}: keep it secret, and keep a copy")
    line.store.keep_slugs(edition.library)
    publish.build_candidate(edition, line.public, signer.private)
    if waiting is not None:
        _drop(line, waiting.id, "superseded", now, reason=f"{edition.id} was built")
    log.keep(edition.id, kept)
    questions = line.rule.why_not(standings(line))
    log.note("built", now, edition.id, previous=edition.previous, key=key, open_questions=questions)
    return log.find(edition.id)


def _edition(line: Line, now: datetime, previous: Published | None, key: str) -> tuple[Edition, Signer, Kept]:
    """What the next release says, who signs it, and what is noted when it is published."""
    states = standings(line)
    if not any(state.snapshot for state in states):
        raise publish.ReleaseRefused("no hub has a feed that can be used, so there is nothing to publish")
    audit, leaks, waves = line.store.disclosure()
    if leaks:
        shown = "; ".join(leaks[:LEAKS_SHOWN])
        raise publish.ReleaseRefused(f"the benchmarks give {len(leaks):,} numbers away: {shown}")
    signer = line.keys.signer(now, _signed(previous))
    library, policy, decisions = line.store.library(), read_policy(), line.store.decisions.all()
    notices, seal = withdrawn(line, library), line.store.ledger.seal()
    edition = Edition(
        id=publish.next_id(line.public, now, [one.id for one in line.store.candidates.all()]),
        published=now,
        previous=previous.id if previous else None,
        build_key=key,
        code_version=code_version(),
        rules=RULES_VERSION,
        hubs=tuple(state.for_readers(policy.answers_base) for state in states),
        library=library,
        packs=tuple(packs(library)),
        benchmarks=line.store.benchmarks(),
        distributions=line.store.distributions(),
        trends=line.store.trends(),
        audit=audit | {"ledger": {"seal_before": seal}},
        waves=tuple(wave if _is_out(line, wave.release) else replace(wave, release=None) for wave in waves),
        instruments=instruments(*line.registry.instrument_folders),
        bases=bases(line.store, line.registry.hubs, library, notices),
        policy=policy,
        keys=signer.keys,
        withdrawn=notices,
        taken_down=tuple(one for one in in_force(decisions).values() if one.is_takedown),
        address=line.address,
    )
    kept = Kept(
        library=library,
        rows=tuple(line.store.ledger.news(_rows(edition))),
        snapshots={state.id: state.snapshot for state in states if state.snapshot},
        waves=waves,
        audit=audit,
        returns=returns_key(line),
        decisions=len(decisions),
        seal=seal,
        signed_by=signer.public.text,
    )
    return edition, signer, kept


def _rows(edition: Edition) -> Iterator[Row]:
    """The benchmarks of ``edition`` for the ledger."""
    told = {wave.key: wave for wave in edition.waves}
    digest = hashlib.sha256(canonical_json(edition.audit).encode()).hexdigest()
    for row in rows_of(edition.benchmarks, edition.distributions, edition.policy.base):
        wave = told[row.table[:-1]]
        release = f"{SAMPLE if wave.is_sample else ''}{edition.id}"
        yield replace(row, release=release, counted=wave.counted, code=edition.code_version, audit=digest)


def _publish(line: Line, candidate: Candidate, now: datetime, *, is_verified: bool = False) -> None:
    """Let readers see ``candidate``, and note it. Killed at any point: ``_finish`` goes on with it."""
    kept, ledger, names = line.store.candidates.kept(candidate.id), line.store.ledger, candidate.approved_by
    signer = line.keys.signer(now, _signed(publish.latest(line.public)))

    def enter() -> None:
        ledger.add(replace(row, approver=names or "") for row in kept.rows)
        line.store.candidates.note("entered", now, candidate.id, seal=ledger.seal())
        # Who was counted is kept of what holds now, and no longer.
        ledger.forget_members(but={wave.counted for wave in kept.waves})
        line.keeper.must_last(candidate.id)

    publish.show_candidate(
        line.public,
        candidate.id,
        signer.private,
        signer.keys,
        approved_by=names,
        about_to_show=enter,
        is_verified=is_verified,
    )
    _note(line, candidate, kept, now)


def _note(line: Line, candidate: Candidate, kept: Kept, now: datetime) -> None:
    """Note that readers see ``candidate``."""
    store = line.store
    store.note_published(candidate.id, kept.library, kept.snapshots)
    if store.made_of("benchmarks") == kept.returns:
        # With these rows in the ledger the benchmarks would come out the same.
        with store.making("benchmarks", returns_key(line)):
            store.write_disclosure(kept.audit, (), [wave.published(candidate.id) for wave in kept.waves])
    store.candidates.note("published", now, candidate.id, by=candidate.approved_by)
    store.candidates.forget(candidate.id)


def _finish(line: Line, now: datetime) -> None:
    """Go on where a kill came between showing a candidate and noting it, and remove what no candidate needs."""
    waiting = line.store.candidates.waiting()
    if waiting is not None and waiting.id in publish.released(line.public):
        publish.show_again(line.public, waiting.id)
        _note(line, waiting, line.store.candidates.kept(waiting.id), now)
        waiting = None
    publish.discard_candidates(line.public, but=waiting.id if waiting else None)


def _drop(line: Line, id: str, event: str, now: datetime, **told: str) -> None:
    """Note why a candidate will not be published, and remove it."""
    line.store.candidates.note(event, now, id, **told)
    line.store.candidates.forget(id)
    publish.discard_candidate(line.public, id)


def why_stale(line: Line, candidate: Candidate) -> str | None:
    """Why a candidate must not be published any more, None when it may: it was built before something that counts."""
    if not publish.candidate_folder(line.public, candidate.id).is_dir():
        return "its folder is gone"
    kept, latest, known = line.store.candidates.kept(candidate.id), publish.latest(line.public), line.keys.known()
    if (latest.id if latest else None) != candidate.previous:
        return f"readers have seen {latest.id if latest else 'nothing'} since"
    if len(line.store.decisions.all()) != kept.decisions:
        return "a record was withdrawn since"
    if not known or known[-1].public.text != kept.signed_by:
        return "the key that signs has changed"
    if line.store.ledger.seal() not in (kept.seal, candidate.entered):
        return "the ledger has grown since, and what is told must be held against it"
    if taken := _taken_back(line, kept.library):
        return f"hubs have taken records back since: {', '.join(taken)}"
    return None


def _taken_back(line: Line, library: Mapping[str, LibraryRecord]) -> list[str]:
    """The records of ``library`` that their hubs have withdrawn by now, or that have lost their open licence."""
    ids = {id for entry in library.values() for id in (entry.id, *entry.merged)}
    gone: set[str] = set()
    for hub in sorted({id.partition("/")[0] for id in ids} & line.registry.hubs.keys()):
        verdicts = validate.newest_verdict(line.store, hub), validate.used_verdict(line.store, hub)
        known = line.store.public_ids(hub)
        closed = {f"{hub}/{known.public(id)}" for one in verdicts if one for id in standing.closed_in(one)}
        noticed = {told.id for told in withdrawn_by(line, hub)}
        live = {record.id for record in standing.records_in_use(line.store, hub)}
        gone |= (closed | noticed) & ids - live
    return sorted(gone)


def follow_decisions(line: Line, now: datetime, progress: Progress) -> dict[str, Reissued | publish.ReleaseRefused]:
    """Reissue each release that says something of what has been withdrawn since, the newest first. By release, what
    became of it: those that say nothing of it are not named. What was killed goes on here. To be called by who holds
    the lock of releases.

    Raises what ``make_release`` raises about keys; files.Damaged, OSError, files.Busy.
    """
    decisions, done = in_force(line.store.decisions.all()).values(), line.store.followed()
    due = {
        release: missing
        for release in publish.released(line.public)
        if (missing := [one for one in decisions if one.number > done.get(release, 0)])
    }
    if not due:
        return {}
    outcomes: dict[str, Reissued | publish.ReleaseRefused] = {}

    def note(release: str, outcome: Reissued | publish.ReleaseRefused | None) -> None:
        if outcome is not None:
            outcomes[release] = outcome
            is_refused = isinstance(outcome, publish.ReleaseRefused)
            progress(*("not reissued", f"{release}: {outcome}") if is_refused else ("reissued", release))
        if not isinstance(outcome, publish.ReleaseRefused):
            done[release] = max(one.number for one in due[release])
            line.store.note_followed(done)

    signer = line.keys.signer(now, _signed(publish.latest(line.public)))
    publish.reissue_all(line.public, due, signer.private, signer.keys, note)
    return outcomes


def rotate_key(line: Line, now: datetime, *, reason: str, is_stolen: bool) -> ReleaseKey:
    """Go on with another key, and give it: the next release is signed with it, and says when and why the old one was
    retired. ``reason`` is published.

    Raises keys.KeyRefused, signatures.UnusableKey, files.Damaged, OSError; files.Busy when somebody is publishing.
    """
    with line.store.locked("release"):
        newest = publish.latest(line.public)
        recovered: list[ReleaseKey] = []
        if newest is not None and newest.signed_by and not line.keys.known():
            recovered = publish.published_keys(line.public / newest.address)[::-1]
        new = line.keys.rotate(now, recovered, reason=reason, is_stolen=is_stolen)
        line.keeper.must_last()
        return new


def _signed(release: Published | None) -> PublicKey | None:
    """The key that ``release`` was signed with, None when there is none."""
    return read_public(release.signed_by)[0].public if release and release.signed_by else None


def _is_out(line: Line, release: str | None) -> bool:
    """Whether readers have ever seen ``release``: a run may have been killed when it was about to show it."""
    return release is not None and (line.public / "releases" / release).is_dir()
