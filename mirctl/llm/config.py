"""Which language model is asked, and how: a section that recipes of plugins share."""

import re
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator

from mirctl.section import Count, ModelName, Section

SERVER = re.compile(r"https?://", re.IGNORECASE)


class LlmConfig(Section):
    """A language model, and how it is asked."""

    model_config = ConfigDict(hide_input_in_errors=True)  # it may be a key in the wrong place

    model: ModelName = Field(
        description="http(s)://HOST/v1#MODEL of an OpenAI-compatible server; else a local model: "
        "org/name, a folder, pip:PACKAGE"
    )
    key_variable: str | None = Field(
        None, description="Environment variable that holds the server's key"
    )
    temperature: float = Field(0.0, ge=0, le=5, description="0: the likeliest token each time")
    top_p: float = Field(1.0, gt=0, le=1, description="Draw from the likeliest that sum to it")
    max_tokens: Count = Field(512, description="Longest answer")
    seed: int = Field(0, ge=0, lt=2**31, description="Of drawn answers")
    at_once: int = Field(
        8, ge=1, le=1024, description="Requests in flight; for a local model, prompts in a batch"
    )
    per_minute: float | None = Field(None, gt=0, description="Most requests to a server a minute")
    timeout: float = Field(120.0, gt=0, le=86_400, description="Seconds for one answer of a server")
    tries: int = Field(
        6, ge=1, le=100, description="Of one request, where the server is in trouble"
    )
    budget_requests: Count | None = Field(None, description="Most requests; then it stops")
    budget_tokens: Count | None = Field(
        None, description="Most tokens read and written; then it stops"
    )

    @property
    def is_remote(self) -> bool:
        """Does a server answer?"""
        return bool(SERVER.match(self.model))

    @field_validator("model")
    @classmethod
    def address_holds_no_secret(cls, value: str) -> str:
        if SERVER.match(value):
            place = urlsplit(value)
            if place.username or place.password or place.query:
                told = "an address is written down and may hold no key: name the environment"
                raise ValueError(
                    f"{told} variable with key_variable, write http(s)://HOST/v1#MODEL"
                )
            if not place.hostname or place.port == 0:  # a port that is none is a ValueError
                raise ValueError(f"{value!r} names no host: write http(s)://HOST/v1#MODEL")
        return value

    @field_validator("key_variable")
    @classmethod
    def key_variable_is_a_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_]\w{0,99}", value, re.ASCII):
            raise ValueError("is no name of an environment variable: write the name, not the key")
        return value
