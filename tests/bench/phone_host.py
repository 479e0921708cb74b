"""A program: a phone that is none, known to an adb server of this host, until it is ended.

``phone_host.py fake|jail FOLDER PORT``; the serial is written to ``FOLDER/serial``.
"""

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "android"))


def main(kind: str, folder: Path, port: int) -> None:
    """Run until the process is killed."""
    from mixnet_android.adb import find_adb

    with ExitStack() as stack:
        if kind == "jail":
            from jail import Jail

            phone = stack.enter_context(Jail())
        else:
            from fake_device import FakePhone
            from fake_shell import STATE

            phone = stack.enter_context(FakePhone(folder / "phone", port=port))
            here = STATE["getprop"].replace("arm64-v8a", "x86_64")
            phone.sandbox.write("state/getprop", here)
        subprocess.run([find_adb(), "connect", phone.serial], check=True, timeout=60)
        (folder / "serial").write_text(phone.serial)
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
