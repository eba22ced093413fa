"""The state that outlives a run, as the graph sees it: the label ledger and the label requests.

What belongs here: the two as observed assets, and the observations that say where they stand. What
does not: writing to either (`burnish.ledger`), or noticing that a batch is decided
(`pipelines.sensors`).

Their data versions follow their content, so that Dagster shows as stale what a verdict or a
request made so.
"""

import warnings
from typing import Any

import dagster as dg

from assets.reporting import PART_OF_LOOP
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger

DATA_VERSION_TAG = "dagster/data_version"


def observed_assets(spec: DatasetSpec, *, group: str) -> list[Any]:
    """`label_ledger` and `label_requests` of one dataset."""
    with warnings.catch_warnings():
        # Observed assets are marked as beta; the decorator says so each time, for each dataset.
        warnings.simplefilter("ignore", dg.BetaWarning)
        tags = {PART_OF_LOOP: group, "dagster/kind/sql": ""}
        return [_label_ledger(spec, tags), _label_requests(spec, tags)]


def observations(spec: DatasetSpec, ledger: LabelLedger) -> list[dg.AssetObservation]:
    """Where both stand now, as events for Dagster's log."""
    return [
        _event(spec, "label_ledger", _ledger_state(spec, ledger)),
        _event(spec, "label_requests", _requests_state(spec, ledger)),
    ]


def data_version(observation: dg.AssetObservation) -> str:
    """The data version that an observation carries."""
    return str(observation.tags[DATA_VERSION_TAG])


def _label_ledger(spec: DatasetSpec, tags: dict[str, str]) -> Any:
    @dg.observable_source_asset(
        key=[spec.name, "label_ledger"],
        group_name=spec.name,
        tags=tags,
        description="Every verdict people gave, append-only: from, to, who, when, why, and on "
        "what evidence. Its data version is the hash of its newest event.",
    )
    def label_ledger(ledger: dg.ResourceParam[LabelLedger]) -> dg.ObserveResult:
        return _result(_ledger_state(spec, ledger))

    return label_ledger


def _label_requests(spec: DatasetSpec, tags: dict[str, str]) -> Any:
    @dg.observable_source_asset(
        key=[spec.name, "label_requests"],
        group_name=spec.name,
        tags=tags,
        description="Rows that a person, a failing slice or drift asked people to look at.",
    )
    def label_requests(ledger: dg.ResourceParam[LabelLedger]) -> dg.ObserveResult:
        return _result(_requests_state(spec, ledger))

    return label_requests


def _ledger_state(spec: DatasetSpec, ledger: LabelLedger) -> tuple[str, dict[str, int]]:
    head = ledger.head(spec.name)
    return head.chain, {"decisions so far": head.event_id}


def _requests_state(spec: DatasetSpec, ledger: LabelLedger) -> tuple[str, dict[str, int]]:
    asked = ledger.requests(spec.name)
    newest = max((request.request_id or 0 for request in asked), default=0)
    return f"{newest}-{len(asked)}", {"open requests": len(asked)}


def _result(state: tuple[str, dict[str, int]]) -> dg.ObserveResult:
    version, metadata = state
    return dg.ObserveResult(data_version=dg.DataVersion(version), metadata=metadata)


def _event(spec: DatasetSpec, name: str, state: tuple[str, dict[str, int]]) -> dg.AssetObservation:
    version, metadata = state
    return dg.AssetObservation(
        asset_key=[spec.name, name], metadata=metadata, tags={DATA_VERSION_TAG: version}
    )
