"""The site in Firefox, by WebDriver BiDi: a preset sounds, and a dropped sound is matched."""

import io
import json
import os
import re
import shutil
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf
import websocket

from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import SAMPLE_RATE
from latentdx.presets import corpora
from test_browser import address as address

pytestmark = pytest.mark.browser

PREFERENCES = {
    "app.update.auto": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
}
UNTIL = """const until = async (found) => {
  while (!found()) await new Promise((done) => setTimeout(done, 50));
  return found();
};"""
# the keyboard opens; what its worklet renders, unheard, for a machine may have no sound device
PLAY = f"""async () => {{
  {UNTIL}
  (await until(() => document.querySelector('.ldx-keys'))).click();
  await until(() => document.querySelector('ldx-dock'));
  const {{ fromBase64 }} = await import(new URL('../_static/voice_link.js', location));
  const preset = fromBase64(document.querySelector('[data-voice]').dataset.voice);
  const {{ render }} = await import(new URL('../_static/engine/engine.js', location));
  const {{ Synth }} = await import(new URL('../_static/engine/synth.js', location));
  const context = new OfflineAudioContext(1, 48000, 48000);
  const press = {{ type: 'press', key: 60, velocity: 100, time: 0 }};
  const release = {{ type: 'release', key: 60, time: 0.5 }};
  await Synth.create(context, [{{ type: 'preset', preset }}, press, release]);
  const heard = (await context.startRendering()).getChannelData(0);
  const wanted = render(preset, {{ rate: 48000, note: 60, velocity: 100, hold: 0.5, seconds: 1 }});
  return [Math.max(...heard), Math.max(...heard.map((x, i) => Math.abs(x - wanted[i])))];
}}"""
MATCH = """async () => {
  UNTIL
  const own = document.querySelector('ldx-own-sound');
  await until(() => own.querySelector('.ldx-own-page:not([hidden])'));
  const sound = await (await fetch(SOUND)).blob();
  const dropped = new DataTransfer();
  dropped.items.add(new File([sound], 'sound.wav', { type: 'audio/wav' }));
  const input = own.querySelector('input[type=file]');
  input.files = dropped.files;
  input.dispatchEvent(new Event('change'));
  await until(() => own.target);
  own.setAttribute('model', 'none.json'); // a busy machine takes a minute to draw
  own.starters = own.starters.slice(0, 16);
  [...own.querySelectorAll('button')].find(({ textContent }) => textContent === 'Match').click();
  await until(() => own.matchForm.course.points.length > 0);
  own.stop();
  await until(() => own.result);
  return own.result.answers[0].values.join() === own.starters[4].join();
}""".replace("UNTIL", UNTIL)


class Firefox:
    """A Firefox without a window, its only tab, and the errors of the scripts in it."""

    def __init__(self, program: str, profile: Path) -> None:
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()
        ]
        (profile / "user.js").write_text("\n".join(lines))
        options = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile)]
        said = profile / "stderr"
        with said.open("w") as file:
            self.process = subprocess.Popen([program, *options], stderr=file)
        while not (found := re.search(r"BiDi listening on (ws://\S+)", said.read_text())):
            assert self.process.poll() is None, said.read_text()
            time.sleep(0.1)
        self.socket = websocket.create_connection(f"{found[1]}/session", timeout=240, suppress_origin=True)
        self.errors: list[str] = []
        self.number = 0
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        self.tab = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer: dict[str, Any] = json.loads(self.socket.recv())
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.errors.append(answer["params"]["text"])
            if answer.get("id") == self.number:
                assert answer["type"] == "success", answer
                found: dict[str, Any] = answer["result"]
                return found

    def open(self, address: str) -> None:
        self.send("browsingContext.navigate", context=self.tab, url=address, wait="complete")

    def run(self, function: str) -> Any:
        """Call a function in the page, as a click does, and return its result."""
        found = self.send(
            "script.callFunction",
            functionDeclaration=function,
            target={"context": self.tab},
            awaitPromise=True,
            userActivation=True,
        )
        assert found["type"] == "success", found["exceptionDetails"]["text"]
        return found["result"]["value"]

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    program = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("no Firefox: neither firefox-esr nor firefox is on the path, and FIREFOX names none")
    firefox = Firefox(program, tmp_path)
    yield firefox
    firefox.close()


def recorded() -> str:
    """A starter preset, recorded at another note and level, as an address."""
    sound = 0.4 * Engine().render(corpora.read("starter")["TINE EP 5"], 48, hold=0.4, n_samples=17_000)
    file = io.BytesIO()
    sf.write(file, sound, SAMPLE_RATE, "FLOAT", format="WAV")
    return f"data:audio/wav;base64,{b64encode(file.getvalue()).decode()}"


def test_firefox_plays_a_preset_and_finds_that_of_a_recording(firefox: Firefox, address: str) -> None:
    firefox.open(f"{address}/book/index.html")
    loudest, difference = (part["value"] for part in firefox.run(PLAY))
    assert loudest > 0.01 and difference == 0
    firefox.open(f"{address}/book/your_sound.html")
    assert firefox.run(MATCH.replace("SOUND", json.dumps(recorded()))) is True
    assert firefox.errors == []
