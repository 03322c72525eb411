"""What the models of a run share that goes ``--via batch-api``: one journal, and how they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from agent.errors import UsageError
from agent.llm.batch_journal import Journal
from agent.llm.batch_model import BatchModel
from agent.llm.ledger import utc_now
from agent.llm.model import Model, ModelSettings, Observer, Sleep
from agent.llm.openai import OpenAIModel
from agent.llm.retry import RetryPolicy
from agent.llm.vendors import open_model


@dataclass(slots=True)
class BatchApi:
    """What the models of a run share."""

    journal: Journal
    stored: Callable[[str], bool]
    """Whether the reply of a ledger key is on the disk."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    """For uploading files and making batches."""
    sleep: Sleep = asyncio.sleep
    now: Callable[[], datetime] = utc_now
    observe: Observer = lambda event: None

    def open(self, spec: str, settings: ModelSettings) -> Model:
        """The model behind ``openai:NAME``. Raises UsageError for another vendor."""
        inner = open_model(spec, settings)
        if not isinstance(inner, OpenAIModel):
            raise no_batches(spec)
        return BatchModel(
            inner, self.journal, self.stored, self.retry, self.sleep, self.now, observe=self.observe
        )


def no_batches(spec: str) -> UsageError:
    return UsageError(
        f"--via batch-api needs models of openai:, and {spec} is none",
        hint="name one with --model openai:NAME, at an endpoint that has /v1/batches; or leave --via out",
    )
