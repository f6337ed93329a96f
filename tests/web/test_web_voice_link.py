"""Voices as links and as SysEx: round trips, damaged links, and the bytes that are sent."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from zlib import crc32

import numpy as np
import pytest
from playwright.sync_api import Error, Page

from latentdx.presets.bank import PresetBank
from latentdx.presets.parameters import maxima

ENCODE = "async voice => (await import('/voice_link.js')).encodeVoice(Uint8Array.from(voice))"
DECODE = "async hash => [...(await import('/voice_link.js')).decodeVoice(hash)]"


def random_bank(n: int) -> PresetBank:
    rng = np.random.default_rng(0)
    values = rng.integers(0, maxima() + 1, (n, len(maxima())), dtype=np.uint8)
    letters = rng.integers(32, 127, (n, 10)).astype(np.uint8)
    names = [row.tobytes().decode("ascii").strip() for row in letters]
    return PresetBank.concatenate(
        preset.with_values(name).bank
        for preset, name in zip(PresetBank.from_values(values), names, strict=True)
    )


def link(packed: bytes, *, version: str = "1", checksum: int | None = None) -> str:
    """A link's hash as the module's documentation defines it."""
    data = packed + (crc32(packed) if checksum is None else checksum).to_bytes(4, "big")
    return f"#v={version}.{urlsafe_b64encode(data).decode().rstrip('=')}"


def test_fifty_random_voices_survive_the_way_through_a_link(page: Page) -> None:
    for packed in random_bank(50).packed().tolist():
        written = page.evaluate(ENCODE, packed)
        assert written == link(bytes(packed)) and len(written) == 4 + 1 + 176
        assert page.evaluate(DECODE, written) == packed


def test_a_link_is_as_long_as_an_address_may_be_anywhere_and_needs_no_escapes(page: Page) -> None:
    packed = random_bank(1).packed()[0].tolist()
    address = page.evaluate(
        "async voice => (await import('/voice_link.js')).voiceAddress(Uint8Array.from(voice), 'http://a.b/c/')",
        packed,
    )
    assert address.startswith("http://a.b/c/book/") and len(address) < 255
    assert page.evaluate("address => new URL(address).href === encodeURI(address)", address)
    assert page.evaluate(DECODE, address) == packed


def test_bits_that_no_voice_has_are_left_out_of_links(page: Page) -> None:
    packed = random_bank(1).packed()[0].tolist()
    odd = [byte | 0x80 if i == 111 else byte for i, byte in enumerate(packed)]
    assert page.evaluate(DECODE, page.evaluate(ENCODE, odd)) == packed


GOOD = bytes(random_bank(1).packed()[0])


@pytest.mark.parametrize(
    ("hash_", "message"),
    [
        ("", "This link holds no voice."),
        ("#other", "This link holds no voice."),
        ("#v=2.abc", "This link holds a voice in the format “2”, which this page cannot read."),
        ("#v=", "This link holds a voice in the format “”"),
        (link(GOOD)[:-20], "The voice in this link is incomplete; perhaps the end of the link was cut off."),
        (link(GOOD + b"1234"), "The voice in this link is too long."),
        (link(GOOD)[:50] + "%20" + link(GOOD)[53:], "some of its characters cannot be in such a link"),
        (link(GOOD, checksum=1), "The voice in this link is damaged: its checksum does not match."),
        (link(b"\x7f" + GOOD[1:]), "The voice in this link has values that no DX7 voice has."),
    ],
)
def test_a_bad_link_is_told_in_a_sentence(page: Page, hash_: str, message: str) -> None:
    with pytest.raises(Error) as error:
        page.evaluate(DECODE, hash_)
    assert message in str(error.value)


def test_every_single_wrong_character_is_noticed(page: Page) -> None:
    good = link(GOOD)
    wrong = [
        good[:i] + ("B" if good[i] == "A" else "A") + good[i + 1 :] for i in range(len("#v=1."), len(good))
    ]
    found = page.evaluate(
        """async links => {
            const {decodeVoice} = await import('/voice_link.js');
            return links.filter(link => { try { decodeVoice(link); return true; } catch { return false; } });
        }""",
        wrong,
    )
    assert found == []


def test_names_are_read_as_the_library_reads_them(page: Page) -> None:
    bank = random_bank(20)
    names = page.evaluate(
        """async voices => {
            const {voiceName} = await import('/voice_link.js');
            return voices.map(voice => voiceName(Uint8Array.from(voice)));
        }""",
        bank.packed().tolist(),
    )
    assert names == [preset.name for preset in bank]


# a synth at a MIDI output, which keeps what it gets
SEND = """async ([voice, channel]) => {
  const sent = [], asked = [];
  const output = {id: 'o', name: 'DX7', state: 'connected', send: data => sent.push([...data])};
  navigator.requestMIDIAccess = async options => {
    asked.push(options);
    return {inputs: new Map(), outputs: new Map([['o', output]])};
  };
  const {midiOutputs, sendVoice} = await import('/voice_link.js');
  sendVoice(Uint8Array.from(voice), (await midiOutputs())[0], channel);
  return [sent, asked];
}"""


def test_the_bytes_that_are_sent_are_those_of_the_library(page: Page) -> None:
    bank = random_bank(10)
    for preset, packed in zip(bank, bank.packed().tolist(), strict=True):
        sent, asked = page.evaluate(SEND, [packed, 0])
        assert bytes(sent[0]) == preset.sysex() and len(sent) == 1
        assert asked == [{"sysex": True}]


def test_a_voice_can_be_sent_on_another_channel(page: Page) -> None:
    (sent,), _ = page.evaluate(SEND, [list(GOOD), 5])
    assert sent[:6] == [0xF0, 0x43, 5, 0, 1, 27]


@pytest.mark.parametrize(
    ("midi", "message"),
    [
        ("async () => { throw new DOMException('', 'NotAllowedError'); }", "was not allowed to send MIDI"),
        ("async () => ({outputs: new Map()})", "No MIDI output was found."),
    ],
)
def test_the_page_says_why_it_cannot_send(page: Page, midi: str, message: str) -> None:
    with pytest.raises(Error) as error:
        page.evaluate(
            f"async () => {{ navigator.requestMIDIAccess = {midi};"
            "await (await import('/voice_link.js')).midiOutputs(); }"
        )
    assert message in str(error.value)


def test_text_and_bytes_are_the_same(page: Page) -> None:
    for n in range(6):
        data = bytes(range(250, 250 + n))
        text = page.evaluate(
            "async data => (await import('/voice_link.js')).toBase64(Uint8Array.from(data))", list(data)
        )
        assert urlsafe_b64decode(text + "=" * (-len(text) % 4)) == data
        back = page.evaluate("async text => [...(await import('/voice_link.js')).fromBase64(text)]", text)
        assert bytes(back) == data
