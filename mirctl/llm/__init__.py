"""Language models, local or on a server, asked many things at once: retries, budget, cache, schema.

model = llm.connect("http://localhost:8000/v1#qwen3")
answers = model.ask(["A title for a film of a cat that cooks."], schema=Title)
"""

from mirctl.llm.answers import Answer, Problem
from mirctl.llm.asking import LanguageModel, connect
from mirctl.llm.config import LlmConfig
from mirctl.llm.prompts import Message, Prompt
from mirctl.llm.template import Template, template

__all__ = [
    "Answer",
    "LanguageModel",
    "LlmConfig",
    "Message",
    "Problem",
    "Prompt",
    "Template",
    "connect",
    "template",
]
