"""The only place that calls models. ``client`` asks, ``ledger`` keeps, ``vendors`` opens a SPEC."""

from agent.llm.budget import Budget
from agent.llm.client import Client
from agent.llm.json_reply import json_parser, parse_json
from agent.llm.keys import key_of, prompt_hash
from agent.llm.ledger import Ledger, LedgerStats, ModelStats, Row
from agent.llm.model import CallEvent, Model, ModelSettings, Recorded
from agent.llm.prices import cost_of, window_of
from agent.llm.request import Answer, Request
from agent.llm.retry import RetryPolicy
from agent.llm.vendors import open_model

__all__ = [
    "Answer",
    "Budget",
    "CallEvent",
    "Client",
    "Ledger",
    "LedgerStats",
    "Model",
    "ModelSettings",
    "ModelStats",
    "Recorded",
    "Request",
    "RetryPolicy",
    "Row",
    "cost_of",
    "json_parser",
    "key_of",
    "open_model",
    "parse_json",
    "prompt_hash",
    "window_of",
]
