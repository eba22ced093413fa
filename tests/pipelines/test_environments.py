"""What an environment demands of the settings, and what it shows of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from burnish.errors import ProjectError
from pipelines.environments import Settings, require_apart, require_databases, resources_for

DATABASE = "postgresql+psycopg://ada:geheim@localhost/burnish"
DAGSTER = "postgresql://ada:geheim@localhost/dagster"
MLFLOW = "postgresql://ada:geheim@localhost/mlflow"


@pytest.fixture
def prod(tmp_path: Path) -> Settings:
    return Settings(
        tmp_path,
        tmp_path,
        tmp_path,
        environment="prod",
        database_url=DATABASE,
        dagster_url=DAGSTER,
        mlflow_url=MLFLOW,
    )


@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        ({"database_url": ""}, "lacks BURNISH_DATABASE_URL$"),
        ({"dagster_url": ""}, "lacks BURNISH_DAGSTER_URL$"),
        ({"mlflow_url": ""}, r"lacks MLFLOW_TRACKING_URI \(or BURNISH_MLFLOW_URL"),
    ],
)
def test_prod_names_what_is_missing_and_only_that(prod: Settings, lacking, named):
    with pytest.raises(ProjectError) as caught:
        resources_for(replace(prod, **lacking))
    assert caught.match(f"(?m){named}")


@pytest.mark.parametrize("instead", [{"tracking_uri": "http://127.0.0.1:5000"}, {}])
def test_prod_is_content_with_a_tracking_server_or_a_database_for_ours(prod: Settings, instead):
    prod = replace(prod, mlflow_url="", **instead) if instead else prod
    tracker = resources_for(prod)["tracker"]
    assert tracker.tracking_uri == (instead.get("tracking_uri") or MLFLOW)


def test_dagster_is_told_the_variable_and_not_the_password(prod: Settings, monkeypatch):
    monkeypatch.setenv("BURNISH_DATABASE_URL", DATABASE)
    monkeypatch.setenv("BURNISH_MLFLOW_URL", MLFLOW)
    resources = resources_for(prod)
    told = [resources["versions"].database, resources["ledger"].database]
    told.append(resources["tracker"].tracking_uri)
    assert all(isinstance(value, dg.EnvVar) for value in told)
    assert "geheim" not in str(told)


def test_dagster_and_mlflow_may_not_share_a_database(prod: Settings):
    prod = replace(prod, dagster_url="postgresql://ada@localhost/d")
    require_apart(replace(prod, mlflow_url="postgresql://ada@localhost/e"))
    with pytest.raises(ProjectError, match="name one database"):
        require_apart(replace(prod, mlflow_url="postgresql+psycopg://bob@127.0.0.1:5432/d?a=b"))


def test_an_address_of_another_kind_of_database_is_refused(prod: Settings):
    with pytest.raises(ProjectError, match="BURNISH_DATABASE_URL begins with 'mysql'"):
        require_databases(replace(prod, database_url="mysql://x/y"))
