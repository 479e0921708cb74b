import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # for cases


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all the odd little files of ``tests/cases``; to be read, not written to."""
    from cases import onnx_files, tflite_files

    folder = tmp_path_factory.mktemp("cases")
    return tflite_files.write(onnx_files.write(folder))
