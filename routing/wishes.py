"""What somebody wants of a review item in, the act done out: the one list of acts behind page, API and admin."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from routing import acts, mending
from routing.acts import Done
from routing.moving import By
from routing.queue import Wish
from routing.refused import Refused


@dataclass(frozen=True, slots=True)
class Asked:
    """Whatever an act may need. `to`: an owner id; `seen`: the owner named when it was asked; `changes`: of fields."""

    to: int | None = None
    why: str = ""
    seen: int | None = None
    changes: Mapping[str, str] = field(default_factory=dict)


def do(wish: Wish, item: int, asked: Asked, by: By, now: datetime) -> Done:
    """Do it. Whether `by` may is for the caller to ask. Raises Refused, as the acts do."""
    match wish:
        case Wish.CLAIM:
            return acts.claim(item, by, now, asked.seen)
        case Wish.ASSIGN:
            return acts.assign(item, _to(asked), by, asked.why, now)
        case Wish.NAME:
            return acts.hand_over(item, _to(asked), by, now, asked.seen)
        case Wish.FIX:
            return mending.fix_item(item, asked.changes, by, now).done
        case Wish.AGAIN:
            return mending.route_item_again(item, by, now)
        case Wish.REPLAY:
            return mending.replay_item(item, by, now)
        case Wish.NURTURE:
            return acts.nurture_item(item, by, asked.why, now)
        case Wish.REJECT:
            return acts.reject_item(item, by, asked.why, now)


def _to(asked: Asked) -> int:
    if asked.to is None:
        raise Refused("unknown_owner", "Choose a person from the list: whoever was named is not there.")
    return asked.to
