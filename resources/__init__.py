"""Dagster resources: each builds ONE plain object from configuration, behind a protocol.

What belongs here: the adapters to what lies outside (Great Expectations in
`resources.expectations`, MLflow in `resources.tracking`), the ways to fan work out
(`resources.compute`), and the factories of our own tables and ledger (`resources.tables`).
What does not: assets, which ask for the library's type (`dg.ResourceParam[GateRunner]`) and never
learn which resource built it; and choosing a configuration (`pipelines.environments`).
"""
