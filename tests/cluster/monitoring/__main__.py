"""Draw the dashboards over the recorded night: `python -m cluster.monitoring FOLDER`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from cluster.monitoring import backfilled, dashboards
from cluster.monitoring.picture import drawn


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, backfilled.playing(Path(home)) as prometheus:
        for file in dashboards.FILES:
            target = folder / f"dashboard-{file.stem}.svg"
            target.write_text(drawn(dashboards.read(file), prometheus))
            print(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
