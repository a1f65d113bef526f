"""What a recipe says of its data."""

from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mirctl.section import Count, InputPath, Relative, Section


class Columns(Section):
    """What the columns are called."""

    user: str = "user_id"
    item: str = Field("item_id", description="In the interactions and in the items")
    items_id: str | None = Field(None, description="In the items, where it has another name there")
    timestamp: str | None = Field(
        "timestamp", description="null: rows stand oldest first, and their order is taken"
    )
    title: str = "title"
    image: str | None = Field(
        None, description="Column of picture files, relative to data.images or else to the table"
    )

    @model_validator(mode="after")
    def each_names_another(self) -> Self:
        named = {"user": self.user, "item": self.item, "timestamp": self.timestamp}
        for one, other in combinations(named, 2):
            if named[one] == named[other]:
                raise ValueError(
                    f"{one} and {other} both name the column {named[one]!r}: each is another one"
                )
        return self

    @property
    def in_items(self) -> str:
        """The items' own id column."""
        return self.items_id or self.item


class DataConfig(Section):
    """Interactions and items, as tables or as MicroLens lays them out."""

    interactions: InputPath | None = Field(
        None, description="CSV, TSV, JSONL or Parquet: user, item, timestamp"
    )
    items: InputPath | None = Field(
        None, description="CSV, TSV, JSONL or Parquet: item and any text columns"
    )
    images: Annotated[Path, Relative(hashed=False)] | None = Field(
        None, description="Folder of pictures named by item id, such as 42.jpg"
    )
    # Covers are recorded one by one; sounds and films, hours to hash, are read by no job yet.
    microlens: Annotated[Path, Relative(skip=("cover", "audio", "video"))] | None = Field(
        None, description="Folder in MicroLens' own layout, instead of the three above"
    )
    columns: Columns = Columns()
    unknown_items: Literal["error", "drop"] = Field(
        "error", description="Interactions that name an item the items do not have"
    )
    duplicates: Literal["keep", "drop"] = Field(
        "keep", description="Rows of the same user, item and time stamp"
    )
    min_interactions: Count = Field(1, description="Users with fewer interactions are left out")

    @model_validator(mode="after")
    def one_layout_is_meant(self) -> Self:
        tables = [name for name in ("interactions", "items", "images") if getattr(self, name)]
        if self.microlens and tables:
            raise ValueError(f"microlens stands for itself: leave out {', '.join(tables)}")
        if not self.microlens and not self.interactions:
            raise ValueError("set interactions (a table), or microlens (a folder)")
        if self.images and not self.items:
            raise ValueError("images need items: the table that lists what can be recommended")
        return self
