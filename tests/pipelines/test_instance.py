"""The Dagster instance of a home: its configuration as the settings say, never over a person's."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

from burnish.errors import ProjectError
from pipelines.instance import dagster_storage_url, open_instance, prepare

OLD_FIRST_LINE = (
    "# The Dagster instance of a Burnish home; copied there when the home is first used."
)
URL = "postgresql://ada:geheim@db.example/dagster"


def configured(home: Path, dagster_url: str = "") -> Path:
    """Write the configuration alone: no database of that address is needed for it."""
    from pipelines import instance

    return instance._configured(home, dagster_url) / "dagster.yaml"


def test_dagster_takes_every_key_that_we_write(tmp_path: Path):
    file = prepare(tmp_path) / "dagster.yaml"
    values, _ = dagster_instance_config(str(file.parent))
    for section, wanted in yaml.safe_load(file.read_text()).items():
        assert section in values
        for key, value in wanted.items():
            assert values[section][key] == value or isinstance(value, dict)


def test_the_settings_reach_the_instance(tmp_path: Path):
    with open_instance(tmp_path) as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 2
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.freshness_enabled
        pools = instance.get_concurrency_config().pool_config
        assert (pools.default_pool_limit, pools.pool_granularity.value) == (1, "run")


def test_postgresql_is_named_without_its_password(tmp_path: Path):
    file = configured(tmp_path, URL)
    assert "geheim" not in file.read_text()
    storage = yaml.safe_load(file.read_text())["storage"]
    assert storage == {"postgres": {"postgres_url": {"env": "BURNISH_DAGSTER_URL"}}}


def test_our_own_file_follows_the_settings(tmp_path: Path):
    target = tmp_path / "dagster" / "dagster.yaml"
    target.parent.mkdir()
    target.write_text(f"{OLD_FIRST_LINE}\ntelemetry:\n  enabled: false\n")
    assert "run_monitoring" in configured(tmp_path).read_text()
    assert "storage" in yaml.safe_load(configured(tmp_path, URL).read_text())
    assert "storage" not in yaml.safe_load(configured(tmp_path).read_text())


def test_a_file_that_people_made_theirs_is_left_as_it_is(tmp_path: Path):
    target = configured(tmp_path)
    theirs = "".join(target.read_text().splitlines(keepends=True)[1:]) + "# and more\n"
    target.write_text(theirs)
    prepare(tmp_path)
    assert target.read_text() == theirs
    with pytest.raises(ProjectError, match="names no PostgreSQL storage"):
        configured(tmp_path, URL)
    assert target.read_text() == theirs
    target.write_text(theirs + "storage:\n  postgres:\n    postgres_url: {env: MINE}\n")
    configured(tmp_path, URL)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_any_driver_becomes_the_one_that_dagster_is_written_for(scheme: str):
    assert dagster_storage_url(f"{scheme}://a:b%2Fc@h/d?x=1") == (
        "postgresql+psycopg2://a:b%2Fc@h/d?x=1"
    )


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://h/d", "somewhere"])
def test_another_database_is_refused(url: str):
    with pytest.raises(ProjectError, match="BURNISH_DAGSTER_URL"):
        dagster_storage_url(url)
