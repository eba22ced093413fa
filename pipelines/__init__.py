"""Composition only: environments, jobs, schedules, and the commands that run and serve them.

What belongs here: putting assets, checks and resources together. What does not: a stage
(`assets`), an adapter (`resources`), any method (`burnish`).
"""
