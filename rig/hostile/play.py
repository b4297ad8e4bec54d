"""Plays shots and stories: as stated, again and again, beside a transfer, cut, and mutated.

Rules     Parts a to e of the common rule. (d), the sanitizers, is this module in a build with them.
          A mutation has no stated reaction: nothing may break, and the common rule holds.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from kyusim import FatePlan
from rig.hostile import frames as f
from rig.hostile.case import Case, Shot, Story
from rig.hostile.sim_stage import SimStage
from rig.hostile.stage import MS, Conn, texts

CUT_STEP = 5 if "KYUSIM_SIM" in os.environ else 1
#: Mutations of one frame, drawn from all of its kinds.
MUTATIONS = 120
#: Of what is answered by a timer meanwhile.
SENT_AGAIN = 4
#: Bytes of a case that may each have a packet buffer of their own: the pool has 4096.
PIECES_MAX = 3000
#: Variants of a case from which on each comes 2 000 times, and all together more than 10 000.
VARIANTS = 10
#: Counters of answers that are limited: they go up less often than frames come.
LIMITED = ("arp_replies_out", "tcp_challenge_acks_sent")


def _begin(stage: SimStage, shot: Shot) -> tuple[Conn | None, list[bytes]]:
    conn = shot.at(stage) if shot.at else None
    stage.hear(shot.pause_us)
    stage.introduce()
    return conn, list(shot.frames(stage, conn))


def _end(stage: SimStage, shot: Shot, conn: Conn | None) -> None:
    if conn is None:
        return
    if shot.survives and shot.at is not None and conn.ack:
        stage.send(conn.segment("PA", b"!"))
        came = texts(stage, stage.hear(80 * MS))
        assert any(text.startswith("tcp A") for text in came), f"it is gone: {came}"
        conn.seq += 1
    conn.abort()


def once(stage: SimStage, shot: Shot) -> list[bytes]:
    """Part (a). Returns the frames that were sent."""
    conn, frames = _begin(stage, shot)
    before = stage.counters()
    stage.send(*frames)
    came = stage.hear(shot.hear_us)
    said = texts(stage, came)
    if shot.some:
        assert 1 <= len(said) <= len(frames), said
        assert set(said) <= set(shot.answers), said
    else:
        assert said == list(shot.answers), f"{shot.name}: {said}"
    if shot.check is not None:
        shot.check(stage, conn, came)
    if conn is not None:
        conn.take(came)
    _counted(stage, shot, before, 1, len(frames))
    _end(stage, shot, conn)
    return frames


def many(stage: SimStage, shot: Shot, times: int) -> None:
    """Part (b)."""
    conn, frames = _begin(stage, shot)
    rounds = max(1, min(times, shot.times) // max(1, len(frames)))
    before = stage.counters()
    stage.inject(frames, rounds)
    came = stage.hear(shot.hear_us)
    said = texts(stage, came)
    if conn is not None:
        conn.take(came)
    most = rounds * (len(frames) if shot.some else len(shot.answers)) + SENT_AGAIN
    assert len(said) <= (most if shot.limit is None else shot.limit), f"{len(said)} answers"
    if shot.answers:
        assert said, "silence"
    stray = {text for text in said if text.split()[:2] != shot.answers[0].split()[:2]}
    assert len(shot.answers) > 1 or not stray, f"{shot.name}: {stray}"
    _counted(stage, shot, before, rounds, len(frames))
    _end(stage, shot, conn)


def _counted(
    stage: SimStage, shot: Shot, before: Mapping[str, int], rounds: int, frames: int
) -> None:
    after = stage.counters()
    grown = after[shot.counter] - before[shot.counter]
    wanted = rounds * (frames if shot.count is None else shot.count)
    if shot.counter in LIMITED:
        wanted = 1
    assert grown >= wanted, f"{shot.name}: {shot.counter} went up by {grown}, not {wanted}"


def beside_a_transfer(stage: SimStage, case: Case) -> None:
    """Part (c): each shot over and over while somebody fetches."""
    for shot in case.shots:
        conn, frames = _begin(stage, shot)
        stage.be_busy(2)
        rounds = 0
        while stage.busy and rounds < 20:
            stage.inject(frames, max(1, 50 // max(1, len(frames))))
            rounds += 1
        assert rounds > 1, "there was no transfer"
        stage.hear(shot.hear_us)
        if conn is not None:
            conn.abort()
    for story in case.stories:
        if story.busy:
            stage.be_busy(10)
            story.play(stage)


#: What somebody sends while others want to work.
Disturbance: TypeAlias = "Callable[[SimStage], Sequence[bytes]]"


def transfers_us(disturbance: Disturbance | None) -> int:
    """How long a hundred transfers take, in virtual time, while somebody sends frames without end
    that fill a twentieth of the wire."""
    stage = SimStage(busy=True, lan=FatePlan(delay_us=50, rate_bytes_per_s=125_000_000))
    frames = disturbance(stage) if disturbance is not None else []
    began = stage.now_us
    stage.be_busy(100)
    while stage.busy:
        if frames:
            stage.inject(frames[:100], 1, 15)
            frames = [*frames[100:], *frames[:100]]
        else:
            stage.run_for(1_500)
        stage.drop()
    took = stage.now_us - began
    stage.finish()
    return took


def cut_places(frames: Sequence[bytes]) -> list[int]:
    """Every place in the headers; of long payloads only the middle and the end. Under sanitizers,
    which are slow, every fifth."""
    longest = max((len(frame) for frame in frames), default=0)
    single = [-1] if sum(len(frame) for frame in frames) < PIECES_MAX else []
    far = {longest // 2, longest - 1} if longest > 80 else set()
    return [*range(1, min(longest, 80), CUT_STEP), *sorted(far), *single]


def cut_everywhere(stage: SimStage, case: Case) -> None:
    """Part (e)."""
    for shot in case.shots:
        places = [1]
        for place in places:  # grows when the frames are known
            stage.board.cut_frames(place)
            frames = once(stage, shot)
            if place == 1:
                places += cut_places(frames)[1:]
    for story in case.stories:
        for place in story.cuts[::CUT_STEP]:
            stage.board.cut_frames(place)
            story.play(stage)
    stage.board.cut_frames(0)


def story_many(stage: SimStage, story: Story) -> None:
    for _ in range(story.times):
        story.play(stage)


# ---- Mutations -----------------------------------------------------------------------------------


def mutations(frame: bytes, seed: int) -> Iterator[bytes]:
    """Frames like `frame`: cut at every byte, lengths that lie, bits the other way round, with and
    without right checksums."""
    draw = random.Random(seed)
    for _ in range(MUTATIONS):
        kind = draw.randrange(6)
        if kind == 0 or len(frame) < 15:
            yield frame[: draw.randrange(len(frame) + 1)]
            continue
        changed = bytearray(frame)
        if kind == 1:  # a length of IP's, or of what lies in it
            at = draw.choice([16, 38, 14, 46])
            if at + 2 <= len(changed):
                value = int.from_bytes(changed[at : at + 2], "big") + draw.choice([-8, -1, 1, 8])
                changed[at : at + 2] = (value & 0xFFFF).to_bytes(2, "big")
        elif kind == 2:  # a byte of the headers becomes an edge
            changed[draw.randrange(12, min(len(changed), 90))] = draw.choice([0, 1, 127, 128, 255])
        elif kind == 3:  # bits
            for _ in range(draw.randrange(1, 4)):
                changed[draw.randrange(12, len(changed))] ^= 1 << draw.randrange(8)
        elif kind == 4:  # too much of it
            room = 1514 - len(changed)
            changed += draw.randbytes(draw.randrange(1, room)) if room > 1 else b""
        else:  # the rest is noise
            at = draw.randrange(14, len(changed))
            changed[at:] = draw.randbytes(len(changed) - at)
        yield f.repaired(bytes(changed)) if draw.randrange(4) else bytes(changed)


def mutated(stage: SimStage, case: Case) -> int:
    """Returns how many frames were sent."""
    sent = 0
    for shot in case.shots[:40]:
        conn, frames = _begin(stage, shot)
        for number, frame in enumerate(frames[:8]):
            changed = list(mutations(frame, case.number * 1000 + number))
            stage.inject(changed, 1)
            sent += len(changed)
        came = stage.hear(shot.hear_us)
        texts(stage, came)  # what it says is well formed
        if conn is not None:
            conn.take(came)
            conn.abort()
    return sent
