"""Two processes of one run, without a launcher and without a port: they meet in a file."""

import contextlib
import io
import os
import socket
import subprocess
import sys

import torch.distributed as dist
import torch.multiprocessing as mp


def _start(rank, work, folder, arguments):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        with open(f"{folder}/stderr-{rank}", "w") as sys.stderr:
            work(rank, folder, *arguments)
    finally:
        dist.destroy_process_group()


def in_two(work, folder, *arguments):
    """Run work(rank, folder, ...) in two processes; an error in one of them is raised."""
    folder.mkdir(exist_ok=True)
    mp.spawn(_start, (work, folder, arguments), nprocs=2)


def codes_of_two(work, folder):
    """As `in_two`, but nobody ends one process because the other has ended; gives their codes."""
    both = mp.spawn(_start, (work, folder, ()), nprocs=2, join=False).processes
    for process in both:
        process.join(240)
    return [process.exitcode for process in both]


def command_lines(rank, folder, *lines):
    """Run each command line; what it printed and its code go to files of the folder."""
    from mirctl import cli

    for number, line in enumerate(lines):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            code = cli.run_command([str(part) for part in line])
        place = folder / f"{number}-{rank}"
        place.with_suffix(".code").write_text(str(code))
        place.with_suffix(".out").write_text(out.getvalue())
        if code:
            return  # the other process would wait for this one


def free_port():
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def by_hand(*lines, **variables):
    """Start a command line for each rank, as srun would, without anybody who ends one for another;
    None starts nothing. Gives (code, stdout, stderr) of each that was started."""
    told = os.environ | {"WORLD_SIZE": str(len(lines)), "LOCAL_WORLD_SIZE": str(len(lines))}
    told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())} | variables
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "mirctl", *map(str, line)],
            env=told | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, line in enumerate(lines)
        if line
    ]
    ended = [(process.communicate(timeout=300), process.returncode) for process in started]
    return [(code, *streams) for streams, code in ended]
