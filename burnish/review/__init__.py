"""The review desk: where people decide on the rows of a batch.

What belongs here: the life of an item between the queue and the ledger (`states`, `desk`), who may
do what (`accounts`), and the pages and the API. What does not: composing a batch
(`burnish.acquisition`), opening a home and serving the desk from it (`burnish.workflows.desk`).
"""
