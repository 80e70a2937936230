"""LaTeX is set by LaTeX: it compiles, nothing sticks out, and the page says what the table says."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard.export import Request, render
from leaderboard.export.tables.printed import printed_table
from leaderboard.queries import Board

ENGINE = shutil.which("pdflatex")
PAPER = r"""\documentclass[10pt%s]{article}
\usepackage[letterpaper,textwidth=6.75in,textheight=9.3in]{geometry}\setlength{\columnsep}{0.25in}
\usepackage{booktabs,longtable,siunitx}
\begin{document}
\input{table.tex}
\end{document}
"""
OVERFULL = 2.0
"""Points by which a line may stick out; less cannot be seen."""


def has_packages() -> bool:
    """Say whether this LaTeX has siunitx, which minimal installations lack."""
    find = shutil.which("kpsewhich")
    return bool(find) and subprocess.run([str(find), "siunitx.sty"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    ENGINE is None or not has_packages(),
    reason="no pdflatex with siunitx here (Debian: texlive-latex-base texlive-latex-recommended texlive-science)",
)


def compiled(folder: Path, text: str) -> tuple[str, str]:
    """(text of the PDF, log) of a paper that holds this table."""
    import pypdfium2

    columns = ",twocolumn" if "begin{table}" in text else ""
    (folder / "table.tex").write_text(text)
    (folder / "paper.tex").write_text(PAPER % columns)
    for _ in range(2 if "longtable" in text else 1):  # whose columns find their widths in the second run
        command = [str(ENGINE), "-interaction=nonstopmode", "-no-shell-escape", "-halt-on-error", "paper.tex"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        assert done.returncode == 0, done.stdout[-2000:]
    document = pypdfium2.PdfDocument(folder / "paper.pdf")
    page_text = "\n".join(page.get_textpage().get_text_range() for page in document)
    return page_text, (folder / "paper.log").read_text(errors="replace")


@pytest.mark.parametrize(
    ("name", "what", "options"),
    [
        ("tiny", "board", {"width": "single"}),
        ("ragged", "attacks", {"intervals": "none"}),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("tiny", "board", {}),
                ("tiny", "board", {"intervals": "columns", "digits": 3}),
                ("tiny", "pairs", {}),
                ("ragged", "board", {}),
                ("ragged", "runs", {"width": "single"}),
                ("empty", "overall", {}),
                ("large", "board", {"entry": ("entry-0",)}),
            )
        ),
    ],
)
def test_compiles(
    name: str,
    what: str,
    options: dict[str, object],
    board: Callable[[str], Board],
    ask: Callable[..., Request],
    tmp_path: Path,
) -> None:
    request = ask(what, **options)
    text, log = compiled(tmp_path, render(board(name), request).decode())
    assert max(map(float, re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)), default=0.0) <= OVERFULL
    assert "too large for page" not in log
    printed = re.sub(r"\s", "", text).replace("−", "-").replace("\x02", "").replace("\ufffe", "")
    table = printed_table(board(name), request)
    for column in table.columns:
        if column.numeric:
            missing = {one for one in column.texts if one.replace(" ", "") not in printed}
            assert not missing, f"{column.name}: {sorted(missing)[:5]}"


def test_marks_reach_the_page(board: Callable[[str], Board], ask: Callable[..., Request], tmp_path: Path) -> None:
    text = render(board("tiny"), ask()).decode()
    compiled(tmp_path, text)
    log = (
        subprocess.run(["pdffonts", "paper.pdf"], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
        if shutil.which("pdffonts")
        else "CMBX"
    )
    assert "CMBX" in log, "bold numbers are set in a bold type"
    assert r"\bfseries" in text
