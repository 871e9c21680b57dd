"""Takes out of a wheel what the addon needs, each member under the folder that its kind goes to; prints how many there were."""

import os
import re
import shutil
import sys
import zipfile

PLACES = [
    (re.compile(r"^tensorflow/(libtensorflow_(?:cc|framework)\.so\.2)$"), "lib"),
    (re.compile(r"^tensorflow/include/((?:tensorflow/c|tensorflow/core/platform|tsl|xla/tsl/c|xla/tsl/platform)/.+\.h)$"), "include"),
    (re.compile(r"^nvidia/([^/]+/lib/[^/]+)$"), "nvidia"),
]


def place_of(member: str) -> str | None:
    for pattern, folder in PLACES:
        match = pattern.match(member)
        if match and ".." not in member.split("/"):
            return os.path.join(folder, match.group(1))
    return None


def main(wheel: str, store: str) -> None:
    count = 0
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            place = place_of(member.filename)
            if place is None or member.is_dir():
                continue
            path = os.path.join(store, place)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # Beside and renamed: a file of that name is a whole one.
            with archive.open(member) as source, open(f"{path}.part", "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            os.replace(f"{path}.part", path)
            count += 1
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
