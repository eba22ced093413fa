"""What an address may ask of a list: the filters, in the query of a page and of the API alike.

What belongs here: the query parameters and their checks, and their way back into an address. What
does not: SQL (`burnish.review.listing`) and markup (`templates/queue.html`).
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from burnish.review.api_models import LARGEST, LONGEST_ID, Checked
from burnish.review.listing import PAGE, Sort
from burnish.review.records import Filters, State

Word = Annotated[str, Checked, Field(max_length=LONGEST_ID)]


class Asked(BaseModel):
    """Which rows are asked for, in which order, and which page of them."""

    model_config = ConfigDict(frozen=True)

    state: list[State] = Field(default=[], max_length=6, description="Any of these states.")
    reason: Word = Field(default="", description="Why the row is there, as the list says it.")
    cut: Word = Field(default="", alias="slice", description="The name of a slice it is in.")
    label: Word = Field(default="", description="The label as given.")
    suggested: Word = Field(default="", description="The label that the model suggests.")
    assignee: Word = Field(
        default="", description="Who is asked first; `nobody` for rows of nobody in particular."
    )
    text: Word = Field(default="", description="A part of the example's id.")
    hours: float = Field(
        default=0,
        ge=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="Nothing has happened to it for so many hours.",
    )
    sort: Sort = Field(
        default="position",
        description="`age`: the longest waiting first; `due`: what is due first.",
    )
    offset: int = Field(default=0, ge=0, le=LARGEST)
    limit: int = Field(default=PAGE, ge=1, le=200)

    def filters(self) -> Filters:
        """As the list takes them."""
        return Filters(
            states=tuple(self.state),
            reason=self.reason,
            slice_name=self.cut,
            label=self.label,
            suggested=self.suggested,
            assignee=self.assignee,
            text=self.text,
            min_age_hours=self.hours,
        )

    def query(self, **other: object) -> str:
        """The query of an address that asks the same but for `other`; back on the first page.

        >>> Asked(reason="audit", offset=50).query(sort="age")
        '?reason=audit&sort=age'
        >>> Asked(reason="audit").query(reason="")
        ''
        """
        values = self.model_dump(by_alias=True, exclude_defaults=True, exclude={"offset"})
        values = {name: value for name, value in (values | other).items() if value}
        return f"?{urlencode(values, doseq=True)}" if values else ""
