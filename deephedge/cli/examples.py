"""An example of every command, as its help shows it."""

PROGRAM = """
deephedge price call --spot 100 --strike 105 --maturity 0.5 --vol 0.2
deephedge run experiments/studies/black_scholes_call.toml --out out/call
deephedge COMMAND --help
"""

EXAMPLES = {
    "run": """
deephedge run experiments/studies/black_scholes_call.toml --out out/call
deephedge run experiments/studies/black_scholes_call.toml \\
    --out out/call --resume
deephedge run experiments/studies/tail_hedging.toml \\
    experiments/studies/volatility_target.toml --out out/both
deephedge run study.toml --out out/shared --distributed \\
    --coordinator localhost:1234 --processes 2 --process 0
""",
    "sweep": """
deephedge sweep study.toml --out out/sweep
deephedge sweep study.toml --out out/search --trials 20 --policy learned_band
""",
    "backtest": """
deephedge backtest experiments/studies/sp500_calls.toml \\
    --policies out/sp500_calls/policies --out out/again
""",
    "optimum": """
deephedge optimum experiments/studies/optimum.toml
deephedge optimum experiments/studies/optimum.toml --json
""",
    "price": """
deephedge price call --spot 100 --strike 105 --maturity 0.5 --vol 0.2
deephedge price american-put --strike 100 --maturity 1 --vol 0.3 --rate 0.02
deephedge price call --strike 100 --maturity 1 --model heston --variance 0.04 \\
    --mean-reversion 1.5 --long-variance 0.05 --vol-of-variance 0.5 --correlation=-0.7
""",
    "greeks": """
deephedge greeks put --strike 95 --maturity 0.25 --vol 0.2
deephedge greeks BarrierOption --strike 100 --barrier 120 --call true --up true \\
    --knock-in false --maturity 0.5 --vol 0.2
""",
    "calibrate": """
deephedge calibrate quotes.csv --model bates --weight spread
deephedge calibrate quotes.csv --model heston --free variance --free correlation \\
    --start variance=0.05 --plot errors.svg
""",
    "monitor": """
deephedge monitor experiments/monitor/position.toml experiments/monitor/quotes.csv
tail -f quotes.csv | deephedge monitor position.toml - --quiet
""",
    "reproduce": """
deephedge reproduce --list
deephedge reproduce derman_kamal_1999_discrete_hedging
deephedge reproduce --all --full --out docs/papers
""",
    "doctor": """
deephedge doctor
""",
    "completion": """
deephedge completion bash >> ~/.bashrc
deephedge completion fish > ~/.config/fish/completions/deephedge.fish
""",
}


def shown(examples: str) -> str:
    """What ends the help of a command."""
    return f"Examples:\n\n```console{examples}```"
