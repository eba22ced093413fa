"""How to read the page of each stage: what its figures mean, and what is worth a second look.

What belongs here: that paragraph for each stage, in Markdown; names in bold are figures, plots or
tables of the page. What does not: the figures (`burnish.workflows.stage_pages`), or what a stage
does, which its declaration says.
"""

from collections.abc import Mapping

HOW_TO_READ: Mapping[str, str] = {
    "raw_examples": "**rows without a label** and **missing feature cells** should be few: the "
    "gate turns such rows away, and stops where they are many. **datasheet** says where the rows "
    "come from.",
    "validated_examples": "A row keeps its split for good, so **training rows**, **validation "
    "rows** and **test rows** only move with the source. **duplicates across splits** should be 0, "
    "or a model is asked about rows that it was trained on.",
    "quarantined_examples": "**rows turned away** names the rows and **failures by expectation** "
    "the reasons. Above the share that the spec allows, the gate stops instead.",
    "quality_report": "**errors** should be 0: training or judging on the rows as they are would "
    "be wrong. **findings** has the severest first; **report of the checks** says for each on what "
    "evidence, and what to do. **rows asked about** have copies that carry another label.",
    "pred_probs": "**models agree** is the share of labels that models which never saw the row "
    "would have given. In **confidence and agreement** points below the diagonal are confidence "
    "that is not earned.",
    "label_audit": "**errors expected** is the sum of P(wrong) over all rows, so it falls as "
    "labels are mended; **labels with P(wrong) > 0.5** are the plain cases. **errors expected by "
    "pair** reads *label as it stands > what it should be*.",
    "relabel_queue": "Rows **drawn at random** estimate how many errors are left; **suspicious "
    "labels** are where errors are likely. **what comes next** says in words what the next reviews "
    "are expected to find: stop where that is not worth the time.",
    "curated_examples": "**noise left (estimate)** is the share of training labels that reviewers "
    "would still change, with its 95 % interval, from the random rows alone; with gold items, the "
    "share that is still wrong. **labels changed by "
    "pair** reads *label as collected > label now*.",
    "augmented_examples": "**share kept** falls where variants stop looking like the data. "
    "Variants are made of training rows alone, more of them in weak slices.",
    "trained_model": "Promotion looks at **validation accuracy**; **test accuracy** is only "
    "reported. Columns of **confusion matrix** are predictions. In **confidence and accuracy** "
    "points below the diagonal are overconfidence.",
    "slice_report": "**worst slice** is looked for among slices whose accuracy is certain: 30 rows "
    "and ten mistakes or more; where there is none it says *(uncertain)*. In **accuracy by slice** "
    "a hollow dot on a dashed line is uncertain: it may move by chance alone. **slices discovered "
    "so far** were found on half of the rows and held on the other half; in later iterations they "
    "are measured like declared ones. **confidence by slice** has the slices first where the model "
    "claims more than it keeps.",
    "production_batch": "**rows of no period** and **files that are waited for** are told, and "
    "nothing of them is lost. **late rows** came after the version before.",
    "predictions": "**champion, iteration** is whose model it was. A sudden turn of **rows by "
    "prediction** is worth a look.",
    "drift_report": "A column is **drifted** where even the lower end of its effect is more than "
    "matters. **rows told apart (AUROC)** is 0.5 where nothing tells these rows from the usual.",
    "performance_estimate": "**estimated accuracy** is made without labels; where **trusted** is "
    "false, **why not** says why. **measured accuracy** is of the rows with a label by now.",
    "production_labels": "**predictions that labels confirm** is of the rows somebody labelled, "
    "which need not be like the others.",
    "tracked_iterations": "**waiting for MLflow** should be 0; while the server is away, "
    "iterations wait and are logged later, none twice. **MLflow run** opens the newest, "
    "**MLflow, all iterations** the comparison.",
    "champion": "**gain over the champion** is the difference of accuracy on common validation "
    "rows, and **checks of the gate** all that it had to pass: **why** says in a sentence which "
    "did not hold. **accuracy by slice** has the greatest loss first; its limits hold for all "
    "slices at once. **compared with the champion** is the whole comparison.",
}


def described(stage: str, description: str) -> str:
    """A stage's description, with how to read its page where there is something to say."""
    reading = HOW_TO_READ.get(stage)
    return description if reading is None else f"{description}\n\n*On this page.* {reading}"
