"""`PluginRenderer` with a fake plug-in, and with the real one if it is installed."""

import os

import numpy as np
import pytest
from pedalboard._pedalboard import normalize_python_parameter_name

from latentdx import Dexed, PresetBank
from latentdx.audio.renderer import HOLD, N_SAMPLES, PluginRenderer
from latentdx.errors import ParameterError
from latentdx.presets.parameters import PARAMETERS


class FakeParameter:
    raw_value = 0.25  # a value that the renderer never sets


class FakePlugin:
    """Stand-in for a hosted Dexed that records its settings and returns a constant sound."""

    name, version = "Dexed", "0.9.8"

    def __init__(self, names, is_instrument=True):
        self.parameters = {normalize_python_parameter_name(n): FakeParameter() for n in names}
        self.is_instrument = is_instrument
        self.calls = []

    def __call__(self, messages, **settings):
        self.calls.append((messages, settings))
        samples = int(settings["duration"] * settings["sample_rate"])
        return np.ones((settings["num_channels"], samples), np.float32)


NAMES = [p.name for p in PARAMETERS]
WITH_MONO_MODE = [*NAMES[:3], "MonoMode", *NAMES[3:]]


@pytest.fixture
def preset():
    rng = np.random.default_rng(0)
    bank = PresetBank.from_packed(rng.integers(0, 100, (1, 128), np.uint8))
    return bank[0]


@pytest.mark.parametrize("names", [NAMES, WITH_MONO_MODE], ids=["0.9.7", "0.9.8 with MonoMode"])
def test_each_value_is_set_on_the_parameter_with_its_name(preset, names):
    made = []
    renderer = PluginRenderer("Dexed.vst3", load=lambda _: made.append(FakePlugin(names)) or made[-1])
    sound = renderer.render(preset, 62, 90)
    knobs = made[-1].parameters
    for p, value in zip(PARAMETERS, preset.bank.plugin()[0], strict=True):
        assert knobs[normalize_python_parameter_name(p.name)].raw_value == pytest.approx(value), p.name
    if "monomode" in knobs:
        assert knobs["monomode"].raw_value == FakeParameter.raw_value
    ((messages, settings),) = made[-1].calls
    assert messages == [(bytes([0x90, 62, 90]), 0.0), (bytes([0x80, 62, 0]), HOLD)]
    assert settings["sample_rate"] == 22_050
    assert sound.shape == (N_SAMPLES,) and sound[0] == 1 and sound[-1] == 0


def test_each_render_uses_a_new_instance(preset):
    made = []
    renderer = PluginRenderer("Dexed.vst3", load=lambda _: made.append(FakePlugin(NAMES)) or made[-1])
    renderer.render(preset)
    renderer.render(preset)
    assert [len(p.calls) for p in made] == [0, 1, 1]
    assert renderer.engine == "Dexed 0.9.8"


def test_a_plugin_without_a_parameter_is_refused():
    names = [n for n in NAMES if n != "OP3 F FINE"]
    with pytest.raises(ParameterError, match="lacks 1 of 155 parameters: OP3 F FINE"):
        PluginRenderer("Other.vst3", load=lambda _: FakePlugin(names))


def test_an_effect_plugin_is_refused():
    with pytest.raises(ParameterError, match="not an instrument"):
        PluginRenderer("Reverb.vst3", load=lambda _: FakePlugin(NAMES, is_instrument=False))


def test_arguments_are_checked_before_the_plugin_is_called(preset):
    renderer = PluginRenderer("Dexed.vst3", load=lambda _: FakePlugin(NAMES))
    with pytest.raises(ParameterError, match="velocity 0"):
        renderer.render(preset, 60, 0)


@pytest.mark.skipif(
    "LATENTDX_DEXED_VST3" not in os.environ, reason="LATENTDX_DEXED_VST3 is not set to a Dexed.vst3"
)
def test_the_real_plugin_sounds_like_the_engine():
    init = PresetBank.init()[0]
    ours = Dexed(dc_blocker=True).render(init)
    theirs = PluginRenderer(os.environ["LATENTDX_DEXED_VST3"]).render(init)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98
