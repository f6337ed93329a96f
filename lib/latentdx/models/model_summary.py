"""Summaries of a model, read from the model itself: blocks, shapes, parameters and multiply-adds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from latentdx.audio.spectrogram import N_FRAMES, N_MELS
from latentdx.models.flows import Coupling, RealNVP
from latentdx.models.preset_vae import Architecture, PresetVAE
from latentdx.presets.parameters import N_VALUES


@dataclass(frozen=True)
class Block:
    """Block of a `PresetVAE`, as a diagram of the model shows it.

    Attributes:
        part: Part of the model: "encoder", "latent flow", "regression", "decoder" or "sampler".
        module: Name of the block in the model, as in `torch.nn.Module.named_modules`.
        kind: Description in a few words, for example "convolution 4 × 4, stride 2, norm".
        shape: Shape of the output without the batch: (channel, mel, frame) or (features,).
        parameters: Number of trained parameters.
    """

    part: str
    module: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def n_parameters(architecture: Architecture) -> int:
    """Count the trained parameters of a model with this architecture."""
    # on the meta device where the model allows it: the paper's sixteen models hold 750 million numbers
    with torch.device("cpu" if architecture.sampler else "meta"):
        return sum(p.numel() for p in PresetVAE(architecture).parameters())


def read_blocks(model: PresetVAE) -> list[Block]:
    """List the blocks of a model in the order of the signal, with the shapes from one forward pass.

    In a model with several notes, the shapes of the per-note layers are those of a single note.
    """
    found = list(_modules(model))
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str):  # type: ignore[no-untyped-def]
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            first = output[0] if isinstance(output, tuple) else output
            assert isinstance(first, torch.Tensor)
            shapes[name] = tuple(first.shape[1:])

        return hook

    hooks = [module.register_forward_hook(note(name)) for _, name, module in found]
    try:
        run_once(model)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        Block(part, name, _kind(module), shapes[name], sum(p.numel() for p in module.parameters()))
        for part, name, module in found
    ]


def run_once(model: PresetVAE) -> None:
    """Run one forward pass on zeros in evaluation mode, then restore the model's mode."""
    a, training = model.architecture, model.training
    spectrogram = torch.zeros(1, a.n_notes, N_MELS, N_FRAMES)
    notes = torch.zeros(1, 2) if a.note_latents else None
    values = None if model.sampler is None else torch.zeros(1, N_VALUES, dtype=torch.uint8)
    model.eval()
    try:
        with torch.inference_mode():
            model(spectrogram, notes, values)
    finally:
        model.train(training)


def multiply_adds(architecture: Architecture, decoded: float = 1.0) -> float:
    """Count the multiply-adds of one forward pass with one item.

    Convolutions, matrix products and attention are counted.

    Args:
        architecture: Architecture of the model, which is built without allocating its weights.
        decoded: Share of the items that are decoded, 0 to 1, see `Profile.decoded`.
    """
    a = replace(architecture, sampler=None)
    with torch.device("meta"):
        model = PresetVAE(a).eval()
        spectrogram, z = torch.zeros(1, a.n_notes, N_MELS, N_FRAMES), torch.zeros(1, model.latent)
    with FlopCounterMode(display=False) as encoder:
        model.encoder(model.encoder.maps(spectrogram))
    with FlopCounterMode(display=False) as decoder:
        model.decoder(z)
    # flows and MLP head use every weight of a linear layer once; the counter counts a multiply-add as two
    linear = sum(
        m.weight.numel()
        for part in (model.latent_flow, model.regression)
        for m in part.modules()
        if isinstance(m, nn.Linear)
    )
    found = encoder.get_total_flops() / 2 + decoded * decoder.get_total_flops() / 2 + linear
    return found + (sampler_multiply_adds(architecture) if architecture.sampler else 0)


def sampler_multiply_adds(architecture: Architecture) -> float:
    """Count the multiply-adds of the sampler for one preset, as in `multiply_adds`.

    Args:
        architecture: Architecture with a sampler, which cannot be built without its weights.
    """
    model = PresetVAE(architecture).eval()
    assert model.sampler is not None
    with torch.inference_mode():
        maps = model.encoder.maps(torch.zeros(1, architecture.n_notes, N_MELS, N_FRAMES))
        with FlopCounterMode(display=False) as counter:
            model.sampler(maps, torch.zeros(1, N_VALUES, dtype=torch.uint8))
    return counter.get_total_flops() / 2


def _modules(model: PresetVAE) -> Iterator[tuple[str, str, nn.Module]]:
    """Yield (part, name, module) of every block, in the order of the signal."""
    for group in ("encoder.per_note", "encoder.mixed"):
        for i, module in enumerate(model.get_submodule(group).children()):
            yield "encoder", f"{group}.{i}", module
    yield "encoder", "encoder.head", model.encoder.head
    yield "latent flow", "latent_flow", model.latent_flow
    yield "regression", "regression", model.regression
    yield "decoder", "decoder.expand", model.decoder.expand
    yield "decoder", "decoder.unmix", model.decoder.unmix
    for i, module in enumerate(model.decoder.per_note.children()):
        if any(True for _ in module.parameters()):  # leaves out the clamp at the end
            yield "decoder", f"decoder.per_note.{i}", module
    if model.sampler is not None:
        yield "sampler", "sampler", model.sampler


def _kind(module: nn.Module) -> str:
    """Describe a block in words, from the layers inside it."""
    inside = list(module.modules())
    normed = ", norm" if any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in inside) else ""
    if isinstance(module, RealNVP):
        return f"{sum(isinstance(m, Coupling) for m in inside)} affine couplings"
    layers = [m for m in inside if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    first = layers[0]
    if isinstance(first, nn.Linear):
        return f"linear{normed}" if len(layers) == 1 else f"{len(layers)} linear layers{normed}"
    way = "transposed" if isinstance(first, nn.ConvTranspose2d) else "convolution"
    stride = f", stride {first.stride[0]}" if first.stride[0] > 1 else ""
    return f"{way} {first.kernel_size[0]} × {first.kernel_size[1]}{stride}{normed}"
