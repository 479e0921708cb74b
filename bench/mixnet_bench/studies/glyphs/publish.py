"""Converts a trained ``.pth`` into the small file of the package.

Kernels are stored as float16, vectors (biases and batch norms, whose variances may be tiny) as
float32; arrays have the names of our graphs.
"""

from pathlib import Path

import click
import numpy as np

from mixnet_common.console import CONTEXT, Command, example, say
from mixnet_common.files import write_whole
from mixnet_common.outputs import check_output
from mixnet_networks.importing import import_weights, weight_files
from mixnet_networks.weights import Weights

NETWORK = "mixnet-s"


def pack(weights: Weights) -> bytes:
    """A ``.safetensors`` file: arrays of two and more axes as float16, the others as float32."""
    from safetensors.numpy import save

    half = {
        name: np.ascontiguousarray(array, np.float16 if array.ndim > 1 else np.float32)
        for name, array in sorted(weights.items())
    }
    return bytes(save(half))


@click.command(
    cls=Command,
    context_settings=CONTEXT,
    epilog=example(
        "python -m mixnet_bench.studies.glyphs.publish run/mixnet-s-glyphs.pth -o out.safetensors"
    ),
)
@click.argument("trained", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(trained: Path, output: Path) -> None:
    """Convert what training saved."""
    check_output(output, weight_files(trained), like="mixnet-s-glyphs.safetensors")
    content = pack(import_weights(trained, NETWORK).weights)
    write_whole(output, content)
    say(f"wrote {output} ({len(content) / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
