"""Workflows: the stages of the loop as plain functions, table in and table out.

What belongs here: compositions of the rooms below, one module a stage (`ingest`, `validate`,
`curate`, ...), which the Dagster assets call and anybody else can. What does not: methods, which
live in the rooms they compose, and orchestration (the packages `assets` and `pipelines`). Import
the module that you need; this one imports none.
"""
