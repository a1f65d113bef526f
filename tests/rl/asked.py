"""Servers that are asked what a user would like, and what they say."""

import json

from llm_server import Say
from mirctl_rl.matching import shown


def on_offer(request):
    """The titles on offer in a prompt, in their order."""
    text = request["messages"][-1]["content"]
    return [line[2:] for line in text.split("On offer:")[1].splitlines() if line[:2] == "- "]


def says(title):
    return Say(json.dumps({"like": title}))


def first(request, n):
    return says(on_offer(request)[0])


def by_title(request, n):
    """A choice that the titles alone decide."""
    return says(min(map(shown, on_offer(request)), key=lambda title: title[::-1]))
