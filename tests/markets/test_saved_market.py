"""A learned market on disk: what is loaded moves as what was saved, bit for bit."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.calibration import fit_conditional_flow
from deephedge.cli.resolve import open_study
from deephedge.markets import ConditionalFlow, load_market, save_market, simulate
from deephedge.numerics.tensors import load_configuration, save_tensors

TIMES = jnp.arange(21, dtype=float) / 252


def paths(market):
    return simulate(market, TIMES, 64, key=jax.random.key(3)).prices


@pytest.fixture(scope="module")
def learned():
    """Weights as training might leave them, and the state and growth of some record."""
    made = ConditionalFlow.untrained(spot=57.3, level=0.2, key=jax.random.key(0), width=5, depth=2)
    leaves, structure = jax.tree.flatten(made.network)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    drawn = [x + 0.1 * jax.random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=True)]
    return dataclasses.replace(
        made,
        network=jax.tree.unflatten(structure, drawn),
        vols=[0.31, 0.27, 0.22, 0.19],
        trends=[-0.03, 0.01],
        drift=0.08,
    )


@pytest.mark.slow
def test_the_paths_of_a_loaded_market_are_those_of_the_saved_one_bit_for_bit(learned, tmp_path):
    file = tmp_path / "kept" / "flow.safetensors"
    save_market(file, learned, {"record": "made", "seed": 0})
    loaded = load_market(file)
    assert jax.tree.structure(loaded) == jax.tree.structure(learned)
    np.testing.assert_array_equal(paths(loaded), paths(learned))
    known = load_configuration(file)
    assert known == {"record": "made", "seed": 0, "type": "ConditionalFlow"}
    without = dataclasses.replace(learned, drift=None)
    save_market(file, without, {})
    np.testing.assert_array_equal(paths(load_market(file)), paths(without))


@pytest.mark.slow
def test_a_market_fitted_to_a_record_survives_the_disk(tmp_path):
    prices = 50.0 * np.exp(np.cumsum(0.01 * np.random.default_rng(0).standard_t(4, size=300)))
    options = dict(width=5, n_updates=3, signature_updates=2, stretch=20, batch_size=16)
    fitted = fit_conditional_flow(prices, dt=1 / 252, key=jax.random.key(0), **options).model
    save_market(tmp_path / "flow.safetensors", fitted, options)
    loaded = load_market(tmp_path / "flow.safetensors")
    np.testing.assert_array_equal(paths(loaded), paths(fitted))


def test_spot_rates_and_drift_may_be_stated_anew(learned, tmp_path):
    file = tmp_path / "flow.safetensors"
    save_market(file, learned, {})
    moved = load_market(file, spot=100.0, rate=0.03, dividend=0.01, keep_drift=False)
    assert moved.drift is None and float(moved.spot) == 100.0
    assert float(moved.rate) == 0.03 and float(moved.dividend) == 0.01
    np.testing.assert_array_equal(moved.network.weights[1], learned.network.weights[1])
    with pytest.raises(ValueError, match="`spot` must be positive, got -1"):
        load_market(file, spot=-1.0)


def test_files_of_other_things_are_refused_in_one_line(tmp_path):
    def refused(path, message):
        with pytest.raises(ValueError, match=message) as error:
            load_market(path)
        assert "\n" not in str(error.value)

    refused(tmp_path / "none.safetensors", "a file of a saved market, got .* which is not there")
    text = tmp_path / "text.safetensors"
    text.write_text("not arrays")
    refused(text, "a file of a saved market, got .* which is none")
    policy = tmp_path / "policy.safetensors"
    save_tensors(policy, {"network": jnp.ones(2)}, {"type": "Feedforward"})
    refused(policy, "a saved ConditionalFlow, got .* which has Feedforward")


STUDY = """
[market]
type = "Learned"
path = "{path}"
spot = 100.0
keep_drift = false

[claim]
type = "Call"
strike = 100.0
maturity = {maturity}

[cost]
type = "NoCost"

[problem]
n_steps = 20
close_out = false

[policies.none]
type = "NoHedge"

[measures.entropic]
type = "Entropic"
aversion = 1.0
"""


def test_a_study_names_the_file_of_its_market(learned, tmp_path):
    market, study = tmp_path / "flow.safetensors", tmp_path / "study.toml"
    save_market(market, learned, {})
    study.write_text(STUDY.format(path=market, maturity=20 / 252))
    resolved = open_study(study)
    got = resolved.problem.market
    assert isinstance(got, ConditionalFlow) and got.drift is None
    wanted = dataclasses.replace(learned, spot=jnp.asarray(100.0), drift=None)
    np.testing.assert_array_equal(paths(got), paths(wanted))
    table = resolved.tables()["market"]
    assert table == {"type": "Learned", "path": str(market), "spot": 100.0, "keep_drift": False}
    study.write_text(STUDY.format(path=tmp_path / "gone", maturity=20 / 252))
    with pytest.raises(ValueError, match=r"market\.path: .*which is not there"):
        open_study(study)
