"""Versions joins store and ledger: what is published, which iteration is open, what was made.

What belongs here: the record of gate verdicts, publications, iterations and dataset versions, in
the database of the ledger; and `Versions`, the one door to them. What does not: running a gate
(a `burnish.typing.GateRunner`), the bytes of tables (`burnish.store`), label events
(`burnish.ledger`), or any copy of this record in an orchestrator or a tracker.

    ground.py      what all share: engine, store, ledger, clock
    publishing.py  candidates, verdicts of gates, publishing
    verdicts.py    verdicts as rows, and the shape of a quarantine
    reading.py     what downstream stages, and people, may read
    outputs.py     which iteration made which version
    views.py       curated rows as a view, joined when read
    joining.py     the join of rows and decisions
    curating.py    making curated rows, and what is in them
    iterations.py  open, note, close
    champions.py   which model serves: promotions and rollbacks
    commits.py     dataset versions
"""

from burnish.versions.commits import Commits
from burnish.versions.curating import Content, Curating
from burnish.versions.iterations import Iterations
from burnish.versions.verdicts import QUARANTINE


class Versions(Curating, Iterations, Commits):
    """All that is known of a loop's versions; state is in SQL and in the store, none in here.

    Open the engine with `burnish.ledger.open_database`, on the database of the ledger. `clock`
    gives the time of what is recorded. Any number of processes may hold one.

    >>> import tempfile
    >>> import pyarrow as pa
    >>> from burnish.database import open_database
    >>> from burnish.ledger import SqlLedger
    >>> from burnish.store import DeltaStore
    >>> home = tempfile.mkdtemp()
    >>> engine = open_database(home + "/burnish.db")
    >>> versions = Versions(engine, DeltaStore(home + "/tables"), SqlLedger(engine))
    >>> rows = pa.table({"example_id": ["a", "b"]})
    >>> print(versions.write("digits", "pred_probs", rows, iteration=None, gated=False))
    digits/pred_probs@1
    >>> versions.read("digits", "pred_probs").num_rows
    2
    >>> print(versions.join("digits", opens=True))
    digits@iter1
    """


__all__ = ["QUARANTINE", "Content", "Versions"]
