"""The only place that calls models. ``client`` asks, ``ledger`` keeps, ``vendors`` opens a SPEC."""

from agent.llm.accounts import OwnAccounts
from agent.llm.budget import Budget
from agent.llm.client import Client
from agent.llm.identities import identity_of
from agent.llm.json_reply import json_parser, parse_json
from agent.llm.keys import key_of, prompt_hash
from agent.llm.ledger import Ledger
from agent.llm.ledger_rows import LedgerStats, ModelStats, Paid, Row
from agent.llm.model import CallEvent, Model, ModelSettings, Recorded
from agent.llm.prices import Price, cost_of, priced, window_of
from agent.llm.request import Answer, Request
from agent.llm.retry import RetryPolicy
from agent.llm.scribe import Scribe
from agent.llm.shared_accounts import SharedAccounts
from agent.llm.traffic import Traffic, TrafficLimits
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
    "OwnAccounts",
    "Paid",
    "Price",
    "Recorded",
    "Request",
    "RetryPolicy",
    "Row",
    "Scribe",
    "SharedAccounts",
    "Traffic",
    "TrafficLimits",
    "cost_of",
    "identity_of",
    "json_parser",
    "key_of",
    "open_model",
    "parse_json",
    "priced",
    "prompt_hash",
    "window_of",
]
