"""A desk that is served for a browser: a planted batch, real people, a real server.

What belongs here: planting rows of every kind, serving them on a free port, signing in, and what a
test asks of the page again and again. What does not: any expectation.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from sqlalchemy import Engine

from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.ledger.events import EMPTY
from burnish.report.looking import ALL_ROWS, LARGE, Looked, look, usual_values
from burnish.review.accounts import Accounts
from burnish.review.app import DeskContext, DeskSettings, create_app
from burnish.review.desk import Desk
from burnish.review.passwords import Passwords
from burnish.review.records import OpenBatch, Policy
from burnish.spec import DatasetSpec

PASSWORD = "a red barn door"
PEOPLE = {"ann": "annotator", "bob": "annotator", "rex": "reviewer"}


@dataclass
class Planted:
    """A dataset of one batch; a `burnish.review.ports.Batches` and `Examples` in one."""

    spec_: DatasetSpec
    rows: list[dict[str, Any]]
    classes: tuple[str, ...]
    queue_: list[dict[str, Any]]
    policy: Policy = Policy()  # noqa: RUF009 - frozen
    shown_share: float = 0.0
    version: int = 1

    @property
    def name(self) -> str:
        return self.spec_.name

    def datasets(self) -> list[str]:
        return [self.name]

    def open(self, dataset: str) -> OpenBatch | None:
        if dataset != self.name:
            return None
        choices = {"classes": self.classes, "shown_share": self.shown_share}
        return OpenBatch(self.name, 1, EMPTY, self.version, self.policy, **choices)  # type: ignore[arg-type]

    def queue(self, batch: OpenBatch) -> list[dict[str, Any]]:
        return list(self.queue_)

    def known_answers(self, dataset: str) -> Mapping[str, str]:
        return {}

    def spec(self, dataset: str) -> DatasetSpec:
        return self.spec_

    def row(self, dataset: str, example_id: str) -> Mapping[str, Any] | None:
        return next((row for row in self.rows if row["example_id"] == example_id), None)

    def absent(self, dataset: str, example_ids: Sequence[str]) -> Sequence[str]:
        return [name for name in example_ids if self.row(dataset, name) is None]

    def look(self, dataset: str, example_id: str, *, by_label: bool) -> Looked | None:
        row = self.row(dataset, example_id)
        if row is None:
            return None
        table = pa.Table.from_pylist([{**one, "label": "?"} for one in self.rows])
        usual = usual_values(table, None, self.spec_)
        return look(row, self.spec_, label=ALL_ROWS, usual=usual, detail=LARGE)

    def slices(self, dataset: str, example_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return dict.fromkeys(example_ids, ())


@dataclass
class Served:
    """A desk under an address."""

    url: str
    desk: Desk
    ledger: SqlLedger
    planted: Planted
    engine: Engine
    server: Any

    @property
    def label_url(self) -> str:
        return f"{self.url}/d/{self.planted.name}/label"

    def answers(self, name: str = "ann") -> dict[str, str]:
        """What somebody said of each example, as the desk has it."""
        found = self.desk.answered_by(self.planted.name, name, limit=500)
        return {
            event.example_id: event.said.label or event.said.decision
            for event in reversed(found)
            if event.said
        }


@contextmanager
def serving(planted: Planted, folder: Path, *, lease_seconds: float = 300.0) -> Iterator[Served]:
    """The desk of a planted batch, served by uvicorn on a free port until left."""
    import uvicorn

    engine = open_database(str(folder / "desk.db"))
    ledger = SqlLedger(engine)
    desk = Desk(engine, ledger, planted, lease_seconds=lease_seconds)
    cheap = Passwords(time_cost=1, memory_kib=8, lanes=1)
    accounts = Accounts(engine, passwords=cheap)
    for name, role in PEOPLE.items():
        accounts.add_person(name, role, by="root", password=PASSWORD)  # type: ignore[arg-type]
    app = create_app(DeskContext(desk, accounts, planted, DeskSettings(title="Burnish")))  # type: ignore[arg-type]
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"http://127.0.0.1:{port}", desk, ledger, planted, engine, server)
    finally:
        server.should_exit = True
        thread.join()
        engine.dispose()


def sign_in(page: Any, served: Served, name: str = "ann") -> None:
    """Sign in as people do, and go to the labeling page."""
    page.goto(f"{served.url}/sign-in?next=/d/{served.planted.name}/label")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{served.label_url}*")


def spec_of(features: Mapping[str, Any], folder: Path, name: str = "pets") -> DatasetSpec:
    """A spec with these features."""
    spec = DatasetSpec.model_validate(
        {
            "name": name,
            "source": {"path": "pets.csv"},
            "id": "id",
            "target": "kind",
            "features": dict(features),
        }
    )
    return spec.model_copy(update={"folder": folder})


def queue_of(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """A queue that asks about all rows in order, with a label and an opinion of each."""
    return [
        {
            "example_id": row["example_id"],
            "iteration": 1,
            "position": at + 1,
            "reason": "audit",
            "why": "SECRET-WHY",
            "label": labels[at % len(labels)],
            "suggested_label": labels[(at + 1) % len(labels)],
            "error_probability": 0.93751,
            "inclusion_probability": None,
        }
        for at, row in enumerate(rows)
    ]


def texts(
    folder: Path, count: int = 30, classes: Sequence[str] = ("cat", "dog", "fish")
) -> Planted:
    """Notes about pets, with a weight that is unusual for the first, and a colour."""
    rows = [
        {
            "example_id": f"pet-{at:03d}",
            "note": f"Note {at}. Slept on the sofa for most of the day, and came when called.",
            "weight": 900.0 if at == 0 else 4.0 + at % 7 / 10,
            "colour": ("red", "grey")[at % 2],
        }
        for at in range(count)
    ]
    features = {"note": "text", "weight": "numeric", "colour": "categorical"}
    return Planted(spec_of(features, folder), rows, tuple(classes), queue_of(rows, classes))


def pictures(folder: Path, count: int = 12) -> Planted:
    """Photographs in files, and small pictures kept as numbers."""
    rng = np.random.default_rng(1)
    rows = []
    for at in range(count):
        across, down = np.meshgrid(np.linspace(0, 1, 480), np.linspace(0, 1, 360))
        photo = np.stack([across, down, np.full_like(across, at / count)], axis=2) * 255
        Image.fromarray(photo.astype(np.uint8)).save(folder / f"photo{at}.jpg")
        rows.append(
            {
                "example_id": f"photo-{at}",
                "photo": f"photo{at}.jpg",
                "scan": rng.integers(0, 17, 64).astype(float).tolist(),
            }
        )
    spec = spec_of({"photo": "image", "scan": "image"}, folder, "photos")
    return Planted(spec, rows, ("cat", "dog"), queue_of(rows, ("cat", "dog")))


def signals(folder: Path, count: int = 8) -> Planted:
    """Two channels of a sensor a row."""
    at = np.arange(1500) / 60
    rows = [
        {
            "example_id": f"beat-{n}",
            "ecg": (np.sin(at * (n + 3)) + (at % 1 < 0.05) * 3).tolist(),
            "breath": (np.cos(at) * 20 + 100).tolist(),
            "age": 40.0 + n,
        }
        for n in range(count)
    ]
    features = {
        "ecg": {"kind": "sensor", "description": "millivolt, 250 readings a second"},
        "breath": "sensor",
        "age": "numeric",
    }
    classes = ("normal", "atrial fibrillation", "other rhythm", "noise")
    return Planted(spec_of(features, folder, "beats"), rows, classes, queue_of(rows, classes))


def png_bytes(colour: tuple[int, int, int]) -> bytes:
    """A small picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


def until(page: Any, holds: str) -> None:
    """Wait until an expression holds in the page; its policy lets nothing be compiled there."""
    for _ in range(1000):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"it never came to hold: {holds}\n{page.inner_text('main')}")


def example(page: Any) -> str:
    """The example on screen."""
    return str(page.locator("#stage .label-card").get_attribute("data-example"))


def see(page: Any, example_id: str) -> None:
    """Wait until this example is on screen."""
    until(page, f"document.querySelector('#stage [data-example=\"{example_id}\"]') !== null")


def ready(page: Any) -> None:
    """Wait until the next example is there as well."""
    until(page, "document.querySelector('#ahead').childElementCount > 0")


def press(page: Any, key: str) -> str:
    """Press a key, and wait until something else is on screen; what was answered."""
    before = example(page)
    page.evaluate("window.shown = document.querySelector('#stage .label-card')")
    page.keyboard.press(key)
    until(page, "!window.shown?.isConnected")
    return before


def saved(page: Any) -> None:
    """Wait until the page says that all is saved."""
    until(page, "document.querySelector('#state').dataset.state === 'saved'")


def past(page: Any) -> str:
    """The words of the strip."""
    return str(page.locator("#past").inner_text()).replace("\xa0", " ")


def focused(page: Any, heading: str) -> bool:
    """Whether the heading of this name has the focus."""
    found = page.get_by_role("heading", name=heading)
    return bool(found.evaluate("node => node === document.activeElement"))


def saved_of_mine(page: Any, count: int) -> None:
    """Wait until that many answers are shown as saved."""
    until(page, f"document.querySelector('#count-mine').textContent === '{count}'")
