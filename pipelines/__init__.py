"""Composition only: environments, jobs, schedules, and the runner that drives them by command.

What belongs here: putting assets, checks and resources together. What does not: a stage
(`assets`), an adapter (`resources`), any method (`burnish`).
"""
