"""Writes quotes.csv: made-up closes of a stock that falls by 8 % in one day, with two bad lines."""

import datetime
from pathlib import Path

import numpy as np

N_DAYS, VOL, FALL_ON, FALL = 30, 0.2, 14, -0.08


def main() -> None:
    draws = np.random.default_rng(7).standard_normal(N_DAYS)
    returns = VOL / np.sqrt(252) * draws
    returns[0], returns[FALL_ON] = 0.0, FALL
    returns[FALL_ON + 1 : FALL_ON + 4] *= 2.0
    spots = 100.0 * np.exp(np.cumsum(returns))
    vols = np.where(
        np.arange(N_DAYS) < FALL_ON, VOL, VOL + 0.12 * 0.8 ** (np.arange(N_DAYS) - FALL_ON)
    )
    days = np.busday_offset(datetime.date(2026, 1, 2), np.arange(N_DAYS), roll="forward")
    lines = ["time,spot,vol"]
    lines += [
        f"{day}T16:00,{spot:.2f},{vol:.4f}"
        for day, spot, vol in zip(days, spots, vols, strict=True)
    ]
    lines.insert(9, lines[4])  # late
    lines.insert(20, f"{days[18]}T12:00,-1,{vols[18]:.4f}")
    Path(__file__).with_name("quotes.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
