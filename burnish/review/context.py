"""What the desk's pages are given to work with, and how it is set.

What belongs here: the two records that `create_app` is called with. What does not: building them
from a home (`burnish.workflows.desk`), or checking that they are safe to serve (`security`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anyio import CapacityLimiter

from burnish.review.accounts import Accounts
from burnish.review.desk import Desk
from burnish.review.ports import Examples, Team

MEGABYTE = 1024 * 1024
AT_ONCE = 2


@dataclass(frozen=True)
class DeskSettings:
    """How the desk is served.

    `loopback` says that it listens on this machine alone. `hosts` are names under which it may be
    asked for, besides 127.0.0.1 and localhost on loopback and plain addresses off it. `public_url`
    is the address people type where a proxy stands before the desk ("https://desk.example.org"):
    with https, cookies are sent over https alone. Only a proxy whose address is in
    `trusted_proxies` is believed when it says whom it asks for.

    `login=False`, on loopback alone, has everybody act as the admin `sole_person`.
    """

    title: str = "Burnish"
    loopback: bool = True
    hosts: tuple[str, ...] = ()
    login: bool = True
    sole_person: str = ""
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    max_body_bytes: int = MEGABYTE

    @property
    def https(self) -> bool:
        """Whether people reach the desk by https."""
        return self.public_url.startswith("https://")


@dataclass(frozen=True)
class DeskContext:
    """Everything that a page may ask: the desk, who people are, the examples, the settings.

    `team` tells of people's figures and of what labeling brings; without one those pages are not
    there. `drawing` is how many pictures are decoded at once: each may take hundreds of megabytes.
    """

    desk: Desk
    accounts: Accounts
    examples: Examples
    settings: DeskSettings = DeskSettings()
    team: Team | None = None
    drawing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(AT_ONCE))
