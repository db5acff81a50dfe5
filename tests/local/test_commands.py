# SPDX-License-Identifier: Apache-2.0
"""What a person may type wrong: one sentence, the right exit code, and nothing half-done."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.test_replay_survives import ROOT, environment

pytestmark = pytest.mark.local


def local(state: Path, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "aion.local", *arguments],
        cwd=ROOT,
        env=environment(state) | extra,
        capture_output=True,
        text=True,
        check=False,
    )


def nothing_was_made(state: Path) -> bool:
    return not list(state.rglob("postgres")) and not list(state.rglob("status.json"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "the file is empty; it needs a header line"),
        (b"\xff\xfe\x00\x01", "is not UTF-8 text (byte 0)"),
        (b"a,b\n1,2\n", "missing column tenant, workload, gpus, created_s, started_s, ended_s"),
    ],
)
def test_a_file_that_is_no_trace_is_refused_with_exit_2(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    file = tmp_path / "trace.csv"
    if content is not None:
        file.write_bytes(content)
    result = local(tmp_path / "state", "replay", str(file))
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert sentence in result.stderr
    assert nothing_was_made(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "extra", "sentence"),
    [
        (("replay", "--nonsense"), {}, "--nonsense is not an option of replay: use --fresh or --json.\n"),
        (("replay", "a.csv", "b.csv"), {}, "A replay takes one file, not 2: name it with make replay FILE=…\n"),
        (("demo", "-x"), {}, "-x is not an option of demo: use --no-history or --no-replay.\n"),
        (("stop", "now"), {}, "stop takes no option.\n"),
        (("demo",), {"AION_PORT": "web"}, "AION_PORT must be a port from 1 to 65535, not 'web'.\n"),
        (("demo",), {"DATABASE_URL": "postgresql://h"}, "DATABASE_URL names no database: postgresql://user@host/DATABASE.\n"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_one_sentence_and_exit_2(
    tmp_path: Path, arguments: tuple[str, ...], extra: dict[str, str], sentence: str
) -> None:
    result = local(tmp_path, *arguments, **extra)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", sentence)
    assert nothing_was_made(tmp_path)


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = local(tmp_path, "demo", AION_PORT=str(port))
    sentence = f"Port {port} is taken: choose another with AION_PORT={port % 65_535 + 1} make demo.\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", sentence)
    assert nothing_was_made(tmp_path)


def test_stopping_what_does_not_run_is_no_fault(tmp_path: Path) -> None:
    result = local(tmp_path, "stop")
    assert (result.returncode, result.stderr) == (0, "The demo does not run.\n")
