"""Export a trained model for web pages: the networks that find presets, for `latentdx/web/network`.

    python -m latentdx_book.build.web_model [CHECKPOINT] FOLDER

Two files are written. `model.bin` holds numbers; `model.json` says which and where, and holds the tables of
the sampler and of the representation. Equal checkpoints give equal files.

The encoder's maps and the sampler keep the half precision of the checkpoint, so that pages draw as Python
does. The forward pass to one preset (deep layers of the encoder, both flows) has 8 bits with a scale for each
output. Batch norms become a gain and an offset for each channel, or part of the linear layer before them. The
decoder and the encoder's variance are left out.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from latentdx.audio.renderer import N_SAMPLES, SAMPLE_RATE
from latentdx.audio.spectrogram import FLOOR_DB, HOP, N_FFT, N_FRAMES, N_MELS
from latentdx.errors import CheckpointError
from latentdx.files import write_files
from latentdx.models.flows import Coupling, FlowBatchNorm, RealNVP
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE, PresetSampler
from latentdx.models.preset_vae import PresetVAE
from latentdx.models.representation import Representation
from latentdx.presets.parameters import init_values
from latentdx.registry import data_path
from latentdx.training import checkpoint
from latentdx.training.augmentation import RANGE_DB, UNKNOWN_LEVEL_DB

FORMAT = 1
"""Number of the files' format, which `weights.js` expects."""

MOST_BYTES = 12_000_000
"""Most bytes of both files together."""

PANEL = 8  # columns of a panel of weights, see kernels.js
_ALIGNMENT = 4  # of each tensor, in bytes

Type = Literal["f32", "f16", "i8"]


def _of(tensor: Any) -> Any:
    return tensor.detach().numpy()


class _TensorFile:
    """Numbers of `model.bin`, and where they are."""

    def __init__(self) -> None:
        self.tensors: dict[str, dict[str, Any]] = {}
        self.data = bytearray()

    def add(self, name: str, numbers: Any, kind: Type = "f32") -> None:
        """Append numbers of any shape; those of type "i8" are panels, with a scale for each column."""
        entry: dict[str, Any] = {"type": kind, "offset": len(self.data), "shape": list(numbers.shape)}
        if kind == "i8":
            scales = np.abs(numbers).max(axis=1) / 127  # (panel, column)
            self.add(f"{name}.scales", scales)
            entry["offset"] = len(self.data)
            written = np.rint(numbers / np.maximum(scales, 1e-30)[:, None]).astype("i1")
        else:
            written = numbers.astype({"f32": "<f4", "f16": "<f2"}[kind])
            if not np.isfinite(written).all():
                raise CheckpointError(f"the weights {name} are too large for {kind}")
        self.tensors[name] = entry
        self.data += written.tobytes()
        self.data += bytes(-len(self.data) % _ALIGNMENT)

    def add_linear(self, name: str, weight: Any, bias: Any, kind: Type = "f16") -> None:
        """Append a layer: weights (outputs, inputs) cut into panels (panel, inputs, 8), and biases.

        Outputs are filled up with zeros to whole panels, and inputs to a multiple of 4.
        """
        outputs, inputs = weight.shape
        filled = np.zeros((-(-outputs // PANEL) * PANEL, -(-inputs // 4) * 4), np.float32)
        filled[:outputs, :inputs] = weight
        self.add(name, filled.reshape(-1, PANEL, filled.shape[1]).swapaxes(1, 2), kind)
        self.add(f"{name}.bias", np.pad(bias, (0, len(filled) - outputs)))


def _gain_and_offset(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Any, Any]:
    """Return a batch norm, in evaluation mode, as gain and offset of each channel, float64."""
    assert norm.running_mean is not None and norm.running_var is not None
    gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return _of(gain), _of(norm.bias.double() - norm.running_mean.double() * gain)


def _add_convolution(out: _TensorFile, name: str, block: nn.Module, kind: Type) -> dict[str, Any]:
    """Append a block of the encoder; its weights have rows (kernel row, kernel column, channel) of inputs.

    Kernel rows are filled up with zeros to a multiple of 4.
    """
    layers = [*block.children()]
    convolution, activation = layers[:2]
    assert isinstance(convolution, nn.Conv2d) and isinstance(activation, nn.LeakyReLU)
    weight = _of(convolution.weight).transpose(0, 2, 3, 1)  # (output, row, column, input)
    outputs, rows = weight.shape[:2]
    weight = weight.reshape(outputs, rows, -1)
    weight = np.pad(weight, ((0, 0), (0, 0), (0, -weight.shape[2] % 4)))
    out.add_linear(name, weight.reshape(outputs, -1), _of(convolution.bias), kind)
    if len(layers) > 2:
        assert isinstance(layers[2], nn.BatchNorm2d)
        gain, offset = _gain_and_offset(layers[2])
        out.add(f"{name}.gain", gain)
        out.add(f"{name}.offset", offset)
    return {
        "name": name,
        "inputs": convolution.in_channels,
        "outputs": outputs,
        "kernel": rows,
        "stride": convolution.stride[0],
        "padding": int(convolution.padding[0]),
        "slope": activation.negative_slope,
        "norm": len(layers) > 2,
    }


def _add_sampler(out: _TensorFile, sampler: PresetSampler) -> dict[str, Any]:
    """Append a sampler, and return its tables."""
    for i, layer in enumerate(sampler.layers):
        assert isinstance(layer.norms, nn.ModuleList) and isinstance(layer.mlp, nn.Sequential)
        for j, norm in enumerate(layer.norms):
            out.add(f"layer{i}.norm{j}", np.stack([_of(norm.weight), _of(norm.bias)]))
        linears: Any = {"qkv": layer.qkv, "out": layer.out, "up": layer.mlp[0], "down": layer.mlp[2]}
        for name, linear in linears.items():
            out.add_linear(f"layer{i}.{name}", _of(linear.weight), _of(linear.bias))
    out.add("norm", np.stack([_of(sampler.norm.weight), _of(sampler.norm.bias)]))
    out.add_linear("memory", _of(sampler.memory.weight), _of(sampler.memory.bias))
    for kind, (first, size) in enumerate(zip(sampler.offset.tolist(), sampler.sizes, strict=True)):
        rows = slice(first, first + size)
        out.add_linear(f"logits{kind}", _of(sampler.logits.weight[rows]), _of(sampler.logits.bias[rows]))
    for name in ("value", "said_of", "next_kind", "next_operator"):
        out.add(name, _of(getattr(sampler, name).weight), "f16")
    out.add("position", _of(sampler.position), "f16")
    return {
        "width": sampler.shape.width,
        "layers": sampler.shape.layers,
        "heads": sampler.shape.heads,
        "norm_epsilon": sampler.norm.eps,
        "temperature": DRAWING_TEMPERATURE,
        "sizes": list(sampler.sizes),
        "column": sampler.column.tolist(),
        "kind": sampler.kind.tolist(),
        "operator": sampler.operator.tolist(),
        "blocks": [block.tolist() for block in sampler.blocks],
        "levels": [int(sampler.column[level]) for level in sampler.level],
        "init": init_values().tolist(),
    }


def _add_coupling(out: _TensorFile, name: str, coupling: Coupling) -> None:
    """Append the conditioner of a coupling; the second batch norm of a block joins its first linear layer."""
    first, *blocks, last = coupling.conditioner
    assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
    out.add_linear(f"{name}.first", _of(first.weight), _of(first.bias), "i8")
    for i, block in enumerate(blocks):
        norms: Any = block.norms
        linears: Any = block.linears
        gain, offset = _gain_and_offset(norms[0])
        out.add(f"{name}.block{i}.gain", gain)
        out.add(f"{name}.block{i}.offset", offset)
        gain, offset = _gain_and_offset(norms[1])
        weight, bias = gain[:, None] * _of(linears[0].weight), gain * _of(linears[0].bias) + offset
        out.add_linear(f"{name}.block{i}.up", weight, bias, "i8")
        out.add_linear(f"{name}.block{i}.down", _of(linears[1].weight), _of(linears[1].bias), "i8")
    out.add_linear(f"{name}.last", _of(last.weight), _of(last.bias), "i8")


def _add_flow(out: _TensorFile, name: str, flow: RealNVP) -> list[dict[str, Any]]:
    """Append the steps of a flow."""
    steps: list[dict[str, Any]] = []
    for i, step in enumerate(flow.steps):
        steps.append({"name": f"{name}{i}"})
        if isinstance(step, Coupling):
            _add_coupling(out, f"{name}{i}", step)
            steps[-1] |= {"odd": bool(step.mask[1]), "blocks": len(step.conditioner) - 2}
        else:
            assert isinstance(step, FlowBatchNorm)
            gain = step.log_weight.double().exp() / torch.sqrt(step.running_var.double() + step.eps)
            out.add(f"{name}{i}.gain", _of(gain))
            out.add(f"{name}{i}.offset", _of(step.bias.double() - step.running_mean.double() * gain))
    return steps


def _add_head(out: _TensorFile, head: nn.Sequential, latent: int, grid: tuple[int, int]) -> None:
    """Append what gives the mean of q(z0 | x): one linear layer, for inputs (row, column, channel)."""
    linear, norm = head[-2], head[-1]
    assert isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
    gain, offset = (part[:latent] for part in _gain_and_offset(norm))
    weight = gain[:, None] * _of(linear.weight[:latent])
    weight = weight.reshape(latent, -1, *grid).transpose(0, 2, 3, 1).reshape(latent, -1)
    out.add_linear("mean", weight, gain * _of(linear.bias[:latent]) + offset, "i8")


def _slots(representation: Representation) -> list[list[int]]:
    """Return first element, number of elements (1: a scalar), column and maximum of each parameter."""
    return [[s.start, s.width, s.column, s.parameter.maximum] for s in representation.slots]


def export(model: PresetVAE, about: checkpoint.CheckpointHeader, sha256: str) -> tuple[bytes, bytes]:
    """Export a model of one note with a flow and a sampler.

    Args:
        model: The model, in evaluation mode.
        about: Header of its checkpoint.
        sha256: Hash by which pages name the checkpoint.

    Returns:
        The bytes of `model.json` and of `model.bin`.

    Raises:
        CheckpointError: Pages cannot run such a model, or it is larger than `MOST_BYTES`.
    """
    architecture = getattr(model, "architecture", None)
    if (
        architecture is None
        or architecture.n_notes != 1
        or architecture.note_latents
        or model.sampler is None
        or not isinstance(model.regression, RealNVP)
    ):
        raise CheckpointError("pages run models of one note with a flow and a sampler only")
    shape = model.sampler.shape
    if shape.width % 8 or shape.width // shape.heads % 8:
        raise CheckpointError("pages run samplers whose width for each head is a multiple of 8 only")
    out = _TensorFile()
    with torch.inference_mode():
        encoder = model.encoder
        layers = [_add_convolution(out, f"conv{i}", b, "f16") for i, b in enumerate(encoder.per_note)]
        sampler = _add_sampler(out, model.sampler)
        deep = [_add_convolution(out, f"deep{i}", b, "i8") for i, b in enumerate(encoder.mixed)]
        grid = _grid(layers + deep)
        _add_head(out, encoder.head, model.latent, grid)
        flows = _add_flow(out, "latent", model.latent_flow) + _add_flow(out, "regression", model.regression)
    data = bytes(out.data)
    header = {
        "format": FORMAT,
        "model": about.profile.name,
        "checkpoint": sha256,
        "file": "model.bin",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "spectrogram": {
            "rate": SAMPLE_RATE,
            "samples": N_SAMPLES,
            "n_fft": N_FFT,
            "hop": HOP,
            "mels": N_MELS,
            "frames": N_FRAMES,
            "floor_db": FLOOR_DB,
            "range_db": model.range_db.tolist(),
            "unknown_level": bool(about.profile.unknown_level),
            "unknown_level_db": UNKNOWN_LEVEL_DB,
            "unknown_level_range_db": RANGE_DB,
        },
        "encoder": {"layers": layers, "deep": deep},
        "sampler": sampler,
        "regression": {
            "latent": model.latent,
            "steps": flows,
            "slots": _slots(model.representation),
        },
        "tensors": out.tensors,
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) + len(data) > MOST_BYTES:
        raise CheckpointError(f"the model has {len(text) + len(data)} bytes, more than {MOST_BYTES}")
    return text, data


def _grid(layers: list[dict[str, Any]]) -> tuple[int, int]:
    """Return rows and columns of the map after some convolutions of a spectrogram."""
    rows, columns = N_MELS, N_FRAMES
    for layer in layers:
        rows, columns = (
            (n + 2 * layer["padding"] - layer["kernel"]) // layer["stride"] + 1 for n in (rows, columns)
        )
    return rows, columns


def write_web_model(file: Path, folder: Path) -> int:
    """Export a checkpoint to a folder.

    Args:
        file: Checkpoint of a model that `export` can export.
        folder: Folder of `model.json` and `model.bin`; made if missing.

    Returns:
        Number of bytes of both files together.
    """
    model, about = checkpoint.load(file)
    text, data = export(model, about, checkpoint.checkpoint_hash(file))
    write_files({folder / "model.bin": data, folder / "model.json": text})
    return len(text) + len(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path, nargs="?", help="checkpoint (default: the model latentdx)")
    parser.add_argument("folder", type=Path, help="folder of the files")
    options = parser.parse_args()
    size = write_web_model(
        options.checkpoint or data_path("checkpoints", "latentdx.safetensors"), options.folder
    )
    print(f"{options.folder}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
