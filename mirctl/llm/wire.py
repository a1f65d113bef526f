"""The part of OpenAI's protocol that is spoken: POST /chat/completions."""

from __future__ import annotations

import re
from typing import Any

from mirctl import files, masking
from mirctl.llm.answers import Reply
from mirctl.llm.budget import estimated
from mirctl.llm.config import LlmConfig
from mirctl.llm.prompts import Request

Body = dict[str, Any]


class Nonsense(ValueError):
    """An answer that does not follow the protocol."""


def body(config: LlmConfig, model: str, request: Request) -> Body:
    """What a request says."""
    told: Body = {
        "model": model, "messages": request.messages, "temperature": config.temperature,
        "top_p": config.top_p, "max_tokens": config.max_tokens, "seed": request.seed,
    }  # fmt: skip
    if request.schema is not None:
        name = re.sub(r"\W+", "_", str(request.schema.get("title", "answer")), flags=re.ASCII)[:64]
        form = {"name": name or "answer", "schema": request.schema}
        told["response_format"] = {"type": "json_schema", "json_schema": form}
    return told


def adapted(told: Body, refusal: str) -> tuple[Body, str] | None:
    """What a server that does not know a part of a request is told instead, and what that means;
    None where it refuses something else."""
    if "max_tokens" in told and "max_completion_tokens" in refusal:
        rest = {name: value for name, value in told.items() if name != "max_tokens"}
        return rest | {"max_completion_tokens": told["max_tokens"]}, "wants max_completion_tokens"
    if "response_format" in told and re.search("response_format|json_schema|schema", refusal):
        rest = {name: value for name, value in told.items() if name != "response_format"}
        return rest, "takes no schema: answers are checked here all the same"
    return None


def reply(content: bytes, request: Request) -> Reply:
    """What an answer says."""
    try:
        found = files.json_value(content)
    except ValueError as error:
        raise Nonsense(f"its answer is no JSON ({error})") from error
    match found:
        case {"choices": [{"message": {} as message, **choice}, *_]}:
            refusal = message.get("refusal")
            text = masking.masked(refusal if isinstance(refusal, str) else _text(message))
        case _:
            raise Nonsense("its answer has no choices[0].message")
    finish = "refusal" if refusal else str(choice.get("finish_reason") or "stop")
    match found.get("usage"):
        case {"prompt_tokens": int(read), "completion_tokens": int(written)} if (
            min(read, written) >= 0
        ):
            return Reply(text, finish, read, written)
    read = sum(estimated(message["content"]) for message in request.messages)
    return Reply(text, finish, read, estimated(text), counted=False)


def _text(message: dict[str, Any]) -> str:
    """The content of a message, which some servers send in parts."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def refusal(content: bytes) -> str:
    """Why a server refuses, in its words."""
    text = content.decode("utf-8", "replace")
    try:
        found = files.json_value(content)
        error = found.get("error", found) if isinstance(found, dict) else found
        said = error.get("message", error) if isinstance(error, dict) else error
        text = said if isinstance(said, str) else text
    except ValueError:
        pass
    return masking.masked(" ".join(text.split())[:300])
