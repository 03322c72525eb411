"""The only place that calls models. See ``client`` for asking, ``ledger`` for what is kept, ``vendors`` for SPECs."""

from agent.llm.budget import Budget, cost_of
from agent.llm.client import Answer, Client, Request
from agent.llm.json_reply import json_parser, parse_json
from agent.llm.keys import key_of, prompt_hash
from agent.llm.ledger import Ledger, LedgerStats, Row
from agent.llm.model import CallEvent, Model, ModelSettings, Recorded
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
]
