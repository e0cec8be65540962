"""What asking may take: tokens and money."""

from __future__ import annotations

from dataclasses import dataclass, field

from windtunnel.errors import UsageError

# US dollars per million tokens, in and out, as OpenAI's price list had them in 2025; --price says otherwise
PRICES = {"o3": (2.0, 8.0), "o4-mini": (1.1, 4.4), "gpt-4.1": (2.0, 8.0), "gpt-4.1-mini": (0.4, 1.6)}


class LimitReachedError(Exception):
    """The next question could take more than is left."""


@dataclass
class Purse:
    """Counts what was taken, and refuses what could be too much.

    Attributes:
        most_tokens: of all questions, in and out.
        most_cost: in US dollars; None for no limit.
        price: US dollars per million tokens, in and out; None if it is not known.
        prompt_tokens: taken so far.
        completion_tokens: likewise.
    """

    most_tokens: int
    most_cost: float | None = None
    price: tuple[float, float] | None = None
    prompt_tokens: int = field(default=0, init=False)
    completion_tokens: int = field(default=0, init=False)

    @classmethod
    def of(cls, model: str, *, most_tokens: int, most_cost: float | None, price: tuple[float, float] | None) -> Purse:
        """A purse for a model.

        Raises:
            UsageError: a cost is limited and the price is not known.
        """
        known = price or PRICES.get(model)
        if most_cost is not None and known is None:
            raise UsageError(
                f"--max-cost needs the price of {model!r}, which is not known: give --price IN,OUT in US "
                "dollars per million "
                "tokens"
            )
        return cls(most_tokens, most_cost, known)

    @property
    def tokens(self) -> int:
        """All tokens taken so far."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost(self) -> float | None:
        """US dollars so far; None if the price is not known."""
        return None if self.price is None else self._cost(self.prompt_tokens, self.completion_tokens)

    def check(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Refuse a request that could go beyond a limit.

        Raises:
            LimitReachedError: it could.
        """
        if self.tokens + prompt_tokens + completion_tokens > self.most_tokens:
            raise LimitReachedError(
                f"the limit of {self.most_tokens} tokens leaves {max(0, self.most_tokens - self.tokens)}, and "
                "this question "
                f"may take {prompt_tokens + completion_tokens}"
            )
        if self.most_cost is not None:
            cost = self._cost(self.prompt_tokens + prompt_tokens, self.completion_tokens + completion_tokens)
            if cost > self.most_cost:
                raise LimitReachedError(f"the limit of {self.most_cost:g} US dollars could be passed ({cost:.4f})")

    def take(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Count an answer, or what was received of one."""
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens

    def _cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        into, out = self.price or (0.0, 0.0)
        return (prompt_tokens * into + completion_tokens * out) / 1e6
