"""The work that `scripts/benchmark training` times, pfhedge's side: a process of its own.

Run by the python of the environment that the benchmark makes, which has pfhedge and torch and not
deephedge. It speaks as `_training_work.py` does.

Reference: Imaki, Imajo, Ito, Minami and Nakagawa (2021) for the no-transaction band network, here
as in pfhedge's own documentation.
"""

import json
import os
import resource
import sys
import time

STARTED = float(os.environ.get("BENCHMARK_STARTED", time.time()))
COST, AVERSION, N_STEPS = 0.001, 1.0, 30

import numpy as np  # noqa: E402
import torch  # noqa: E402
from pfhedge.instruments import BrownianStock, EuropeanOption  # noqa: E402
from pfhedge.nn import (  # noqa: E402
    BlackScholes,
    Clamp,
    EntropicRiskMeasure,
    Hedger,
    MultiLayerPerceptron,
)
from torch.nn.functional import leaky_relu  # noqa: E402

torch.set_num_threads(2)
torch.manual_seed(0)


def option() -> EuropeanOption:
    """The reference problem's; a maturity that rounds to 30 steps and not to 31."""
    stock = BrownianStock(sigma=0.2, cost=COST, dt=1 / 365)
    return EuropeanOption(stock, strike=100.0, maturity=(N_STEPS - 1e-6) / 365)


class NoTransactionBandNet(torch.nn.Module):
    def __init__(self, derivative: EuropeanOption):
        super().__init__()
        self.delta = BlackScholes(derivative)
        self.mlp = MultiLayerPerceptron(out_features=2)
        self.clamp = Clamp()

    def inputs(self) -> list[str]:
        return [*self.delta.inputs(), "prev_hedge"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        delta, width = self.delta(x[..., :-1]), self.mlp(x[..., :-1])
        lower = delta - leaky_relu(width[..., [0]])
        upper = delta + leaky_relu(width[..., [1]])
        return self.clamp(x[..., [-1]], min=lower, max=upper)


def perceptron() -> Hedger:
    """Four layers of 32 that see moneyness, time, volatility and the previous holding."""
    model = MultiLayerPerceptron(n_layers=4, n_units=32)
    inputs = ["log_moneyness", "expiry_time", "volatility", "prev_hedge"]
    return Hedger(model, inputs, criterion=EntropicRiskMeasure(a=AVERSION))


def fit(hedger: Hedger, derivative: EuropeanOption, optimizer, n_paths: int, n: int) -> list:
    return hedger.fit(
        derivative,
        n_paths=n_paths,
        n_epochs=n,
        optimizer=optimizer,
        init_state=(100.0,),
        verbose=False,
        validation=False,
    )


def ready(hedger: Hedger, derivative: EuropeanOption) -> torch.optim.Optimizer:
    """Adam, of a network whose layers know their sizes."""
    derivative.simulate(n_paths=2, init_state=(100.0,))
    hedger.compute_hedge(derivative)
    return torch.optim.Adam(hedger.model.parameters())


KEPT: dict[str, tuple] = {}


def updates(*, n_paths: int, n_updates: int) -> dict[str, float]:
    """Seconds of so many epochs of the public `fit`, which updates once an epoch."""
    if "training" not in KEPT:
        hedger, derivative = perceptron(), option()
        KEPT["training"] = hedger, derivative, ready(hedger, derivative)
    hedger, derivative, optimizer = KEPT["training"]
    fit(hedger, derivative, optimizer, n_paths, 1)
    begin, used = time.perf_counter(), cpu_seconds()
    fit(hedger, derivative, optimizer, n_paths, n_updates)
    assert derivative.ul().spot.shape[1] == N_STEPS + 1
    return {"seconds": time.perf_counter() - begin, "cpu_seconds": cpu_seconds() - used}


def quality(*, target: float, judge: str, seconds: float, n_judge: int) -> dict:
    """Train the band until it is judged to reach the target; judging stops the clock."""
    given = np.load(judge)
    derivative = option()
    model = NoTransactionBandNet(derivative)
    hedger = Hedger(model, model.inputs(), criterion=EntropicRiskMeasure(a=AVERSION))
    optimizer = ready(hedger, derivative)
    off, used_off, history = 0.0, 0.0, []
    while True:
        fit(hedger, derivative, optimizer, 10_000, 10)
        begin, used = time.time(), cpu_seconds()
        row = {"seconds": begin - STARTED - off, "cpu_seconds": used - used_off}
        history.append({**row, **judged(hedger, derivative, given, n_judge)})
        off, used_off = off + time.time() - begin, used_off + cpu_seconds() - used
        if history[-1]["risk"] <= target or begin - STARTED > seconds:
            return {**history[-1], "epochs": 10 * len(history), "history": history}


def judged(hedger: Hedger, derivative: EuropeanOption, given, n_paths: int) -> dict[str, float]:
    """The risk: the exact optimum, and what the hedge loses to the optimal one on its paths."""
    pnls = []
    for prices in np.array_split(given["prices"][:n_paths], max(n_paths // 16_384, 1)):
        spot = torch.as_tensor(prices)
        derivative.ul().register_buffer("spot", spot)
        with torch.no_grad():
            held = hedger.compute_hedge(derivative)[:, 0, :-1].numpy().astype(float)
        prices = prices.astype(float)
        trades = np.abs(np.diff(held, axis=1, prepend=0.0))
        gains = np.sum(held * np.diff(prices, axis=1) - COST * trades * prices[:, :-1], axis=1)
        pnls.append(gains - np.maximum(prices[:, -1] - 100.0, 0.0))
    loss = np.exp(-AVERSION * np.concatenate(pnls))
    least = np.exp(-AVERSION * given["best"][:n_paths].astype(float))
    excess = np.log(np.mean(loss) / np.mean(least)) / AVERSION
    influence = loss / np.mean(loss) - least / np.mean(least)
    error = np.std(influence) / AVERSION / np.sqrt(n_paths)
    return {"risk": float(given["optimum"]) + float(excess), "error": float(error)}


def cpu_seconds() -> float:
    """Of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


WORK = {"updates": updates, "quality": quality}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(WORK[request.pop("do")](**request)), flush=True)


if __name__ == "__main__":
    main()
