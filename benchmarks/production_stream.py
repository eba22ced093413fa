"""Two streams with real drift through the assets and sensors: what is estimated, alarmed, mended.

What belongs here: the commands. What does not: the streams (`production_stream_data.py`), running
them (`production_stream_run.py`), or figures and plots (`production_stream_score.py`).

    BURNISH_DATA=... python -m benchmarks.production_stream run elec_week --arm policy --out DIR
    BURNISH_DATA=... python -m benchmarks.production_stream table elec_week --out DIR --plot FILE
    BURNISH_DATA=... python -m benchmarks.production_stream bare elec_week --every 2

Needs `time-machine` beside the project's own packages.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from benchmarks.production_stream_data import STREAMS


def run(args: argparse.Namespace) -> None:
    """One arm of one stream; a line of JSON a period, and the record at the end."""
    from benchmarks.production_stream_run import kept, line_of, run_stream

    stream = STREAMS[args.stream]
    rows = stream.rows(Path(os.environ["BURNISH_DATA"]))
    args.out.mkdir(parents=True, exist_ok=True)
    stem = args.out / f"{stream.name}-{args.arm}"
    with (
        tempfile.TemporaryDirectory(prefix="burnish-stream-") as folder,
        stem.with_suffix(".jsonl").open("w") as out,
    ):
        ways = {"arm": args.arm, "model": args.model, "most": args.periods, "recent": args.recent}
        for told in run_stream(stream, rows, Path(folder), **ways):
            print(line_of(told), file=out, flush=True)
            said = (
                f"{told.period} {told.right}/{told.rows} by {told.champion}, {told.seconds:.1f} s"
            )
            print(said, *told.runs, *(f"FAILED {one}" for one in told.failed), flush=True)
            record = kept(Path(folder), stream)
            stem.with_suffix(".record.json").write_text(json.dumps(record, default=str))


def table(args: argparse.Namespace) -> None:
    """The tables of a stream that was run, and its plot where one is asked for."""
    from benchmarks.production_stream_score import plot, report

    stream = STREAMS[args.stream]
    rows = stream.rows(Path(os.environ["BURNISH_DATA"]))
    last = stream.first + len(rows) * stream.step
    ends = {period: end for period, _, end in stream.periods(last)}
    print(report(args.out, stream.name, ends))
    if args.plot is not None:
        args.plot.write_text(plot(args.out, stream.name, args.title or stream.name))


def bare(args: argparse.Namespace) -> None:
    """Accuracy of boosting that is retrained without any gate."""
    from benchmarks.production_stream_bare import bare_retraining

    stream = STREAMS[args.stream]
    rows = stream.rows(Path(os.environ["BURNISH_DATA"]))
    for name, accuracy in bare_retraining(stream, rows, every=args.every).items():
        print(f"{name}: {100 * accuracy:.1f}")


def main() -> None:
    """Read the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run", help="one arm of one stream")
    one.add_argument("stream", choices=sorted(STREAMS))
    one.add_argument("--arm", choices=("policy", "always"), default="policy")
    one.add_argument("--model", default="boosting")
    one.add_argument("--periods", type=int, default=10_000)
    one.add_argument("--recent", type=int, help="promotion.recent of the spec; 0: the default gate")
    one.add_argument("--out", type=Path, default=Path("stream"))
    one.set_defaults(does=run)
    two = commands.add_parser("table", help="tables and a plot of what was run")
    two.add_argument("stream", choices=sorted(STREAMS))
    two.add_argument("--out", type=Path, default=Path("stream"))
    two.add_argument("--plot", type=Path)
    two.add_argument("--title", default="")
    two.set_defaults(does=table)
    three = commands.add_parser("bare", help="what retraining could bring, without the project")
    three.add_argument("stream", choices=sorted(STREAMS))
    three.add_argument("--every", type=int, default=2)
    three.set_defaults(does=bare)
    args = parser.parse_args()
    args.does(args)


if __name__ == "__main__":
    main()
