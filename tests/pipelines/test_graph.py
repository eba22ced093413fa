"""The graph as people see it: every asset, dependency, group, gate, job and schedule is pinned."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from burnish.errors import ProjectError
from burnish.spec import load_catalog, load_usable
from pipelines.definitions import build_definitions, settings_from_environment
from pipelines.environments import Settings, resources_for

DEPS = {
    "raw_examples": set(),
    "validated_examples": {"raw_examples"},
    "quarantined_examples": {"raw_examples", "validated_examples"},
    "quality_report": {"validated_examples"},
    "pred_probs": {"validated_examples", "label_ledger"},
    "label_audit": {"pred_probs", "label_ledger"},
    "relabel_queue": {"label_audit", "label_requests", "label_ledger"},
    "curated_examples": {"validated_examples", "relabel_queue", "label_ledger"},
    "augmented_examples": {"curated_examples"},
    "trained_model": {"augmented_examples", "curated_examples"},
    "slice_report": {"trained_model", "curated_examples"},
    "champion": {"trained_model", "slice_report"},
    "tracked_iterations": {"champion"},
    "batch_returns": {"curated_examples", "label_ledger"},
    "label_ledger": set(),
    "label_requests": set(),
}
STAGES = {
    "raw": {"raw_examples"},
    "validated": {"validated_examples", "quarantined_examples"},
    "quality": {"quality_report"},
    "labels": {"pred_probs", "label_audit", "label_ledger", "label_requests"},
    "review": {"relabel_queue"},
    "curated": {"curated_examples"},
    "augmented": {"augmented_examples"},
    "model": {"trained_model", "champion", "tracked_iterations"},
    "slices": {"slice_report"},
    "returns": {"batch_returns"},
}
GATED = {
    "raw_examples",
    "validated_examples",
    "relabel_queue",
    "curated_examples",
    "augmented_examples",
    "trained_model",
    "slice_report",
}


def settings_for(planted) -> Settings:
    return Settings(project=planted.catalog.parent, home=planted.home, catalog=planted.catalog)


@pytest.fixture
def definitions(planted) -> dg.Definitions:
    return build_definitions(load_catalog(planted.catalog), settings_for(planted))


def test_every_asset_has_the_pinned_dependencies(definitions):
    graph = definitions.resolve_asset_graph()
    found = {
        key.path[-1]: {parent.path[-1] for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert found == DEPS


def test_a_dataset_is_one_box_of_the_lineage_and_its_stages_are_tagged(definitions):
    found: dict[str, set[str]] = {}
    for spec in definitions.resolve_all_asset_specs():
        assert spec.key.path[0] == spec.group_name == "flowers"
        found.setdefault(spec.tags["burnish/stage"], set()).add(spec.key.path[-1])
    assert found == STAGES


def test_every_asset_tells_a_newcomer_what_it_is(definitions):
    for spec in definitions.resolve_all_asset_specs():
        assert spec.description
        assert len(spec.description) > 25, spec.key
        if spec.key.path[-1] not in {"label_ledger", "label_requests"}:
            assert spec.owners, spec.key
            assert spec.kinds, spec.key
            assert spec.code_version, spec.key


def test_every_gate_is_a_blocking_check(definitions):
    graph = definitions.resolve_asset_graph()
    gates = {key.asset_key.path[-1] for key in graph.asset_check_keys if key.name == "gate"}
    assert gates == GATED
    others = {key.name: key for key in graph.asset_check_keys if not graph.get(key).blocking}
    assert set(others) == {"all_tracked"}
    assert others["all_tracked"].asset_key.path[-1] == "tracked_iterations"


def test_jobs_and_schedule_of_a_dataset(definitions):
    jobs = {job.name for job in definitions.resolve_all_job_defs() if "ASSET" not in job.name}
    parts = {"audit", "retrain", "track", "cycle", "returns"}
    assert jobs == {f"flowers_{part}" for part in parts}
    schedule = definitions.resolve_schedule_def("flowers_nightly")
    assert schedule.cron_schedule == "0 2 * * *"
    assert schedule.execution_timezone == "UTC"
    weekly = definitions.resolve_schedule_def("flowers_weekly")
    assert weekly.cron_schedule == "0 5 * * 0"


def test_the_return_is_measured_beside_the_cycle_and_holds_up_no_night(definitions):
    cycle = definitions.resolve_job_def("flowers_cycle").asset_layer.selected_asset_keys
    assert dg.AssetKey(["flowers", "batch_returns"]) not in cycle
    pools = {
        key.path[-1]: node.pools
        for key in definitions.resolve_asset_graph().get_all_asset_keys()
        if (node := definitions.resolve_asset_graph().get(key)).is_materializable
    }
    assert pools["batch_returns"] == {"returns/flowers"}
    assert {one for name, own in pools.items() if name != "batch_returns" for one in own} == {
        "dataset/flowers"
    }


def test_production_is_six_more_stages_and_a_check_of_alarms_that_no_cycle_waits_for(planted):
    from tests.burnish.workflows.production_days import with_production

    with_production(planted)
    built = build_definitions(load_catalog(planted.catalog), settings_for(planted))
    graph = built.resolve_asset_graph()
    found = {
        key.path[-1]: {parent.path[-1] for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert {name: deps for name, deps in found.items() if name not in DEPS} == {
        "production_batch": set(),
        "predictions": {"production_batch"},
        "drift_report": {"production_batch", "predictions"},
        "performance_estimate": {"production_batch", "predictions"},
        "production_labels": {"production_batch"},
        # Rows of production that a label is asked for.
        "unlabeled_examples": {"validated_examples"},
    }
    gates = {key.asset_key.path[-1] for key in graph.asset_check_keys if key.name == "gate"}
    assert gates == {*GATED, "production_batch"}
    cycle = built.resolve_job_def("flowers_cycle").asset_layer.selected_asset_keys
    assert not {key.path[-1] for key in cycle} - {*DEPS, "unlabeled_examples"}
    [alarms] = [key for key in graph.asset_check_keys if key.name == "alarms"]
    assert alarms.asset_key.path[-1] == "performance_estimate"
    assert not graph.get(alarms).blocking
    built.resolve_job_def("flowers_production")
    built.resolve_job_def("flowers_labels")
    built.resolve_sensor_def("flowers_production")


def test_two_datasets_are_two_graphs(planted):
    text = (planted.catalog / "flowers.yaml").read_text()
    (planted.catalog / "herbs.yaml").write_text(text.replace("name: flowers", "name: herbs"))
    both = build_definitions(load_catalog(planted.catalog), settings_for(planted))
    keys = both.resolve_asset_graph().get_all_asset_keys()
    assert len(keys) == 2 * len(DEPS)
    assert {key.path[0] for key in keys} == {"flowers", "herbs"}


def test_prod_refuses_to_fall_back_to_files(planted):
    settings = Settings(planted.catalog, planted.home, planted.catalog, environment="prod")
    wanted = r"BURNISH_DATABASE_URL and BURNISH_DAGSTER_URL and MLFLOW_TRACKING_URI"
    with pytest.raises(ProjectError, match=wanted):
        resources_for(settings)


def test_the_environment_decides_where_state_lives(tmp_path: Path):
    settings = settings_from_environment(
        {"BURNISH_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}
    )
    assert settings.home == tmp_path
    assert settings.tracking_uri == "http://127.0.0.1:1"
    assert settings.environment == "dev"


def test_no_dataset_is_called_as_the_job_of_another(planted):
    text = (planted.catalog / "flowers.yaml").read_text()
    for name in (
        "flowers_audit",
        "flowers_retrain",
        "flowers_cycle",
        "flowers_tracking",
        "flowers_returning",
    ):
        (planted.catalog / f"{name}.yaml").write_text(
            text.replace("name: flowers", f"name: {name}")
        )
    every = build_definitions(load_catalog(planted.catalog), settings_for(planted))
    dg.Definitions.validate_loadable(every)


def test_two_files_of_one_name_with_mistakes_are_two_refusals(planted):
    for ending in ("yaml", "yml"):
        (planted.catalog / f"weeds.{ending}").write_text("name: weeds\n")
    specs, refused = load_usable(planted.catalog)
    built = build_definitions(specs, settings_for(planted), refused=refused)
    dg.Definitions.validate_loadable(built)
    found = {key.to_user_string() for key in built.resolve_asset_graph().get_all_asset_keys()}
    assert {"weeds/refused_spec", "weeds/refused_spec_yml"} <= found
