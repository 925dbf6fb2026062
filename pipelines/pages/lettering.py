"""Names of classes and runs as labels of a figure, whose fonts may lack some letters."""

from collections.abc import Sequence

from matplotlib.font_manager import fontManager, get_font

from pipelines.runtime.escaping import printable

# Where installed, they have letters that matplotlib's own font lacks.
FALLBACK_FONTS = ("Noto Sans CJK KR", "Malgun Gothic", "Apple SD Gothic Neo", "Microsoft YaHei")


def drawable(names: Sequence[str], *, what: str = "class") -> tuple[list[str], list[str]]:
    """Choose fonts, and make labels of names: shortened, or "class 3" where no font has the letters.

    ``what`` are the names: classes, tokens.
    """
    files = {font.name: font.fname for font in fontManager.ttflist}
    families = [name for name in ("DejaVu Sans", *FALLBACK_FONTS) if name in files]
    glyphs = set().union(*(get_font(files[family]).get_charmap() for family in families))
    short = [n if len(n) <= 28 else f"{n[:15]}…{n[-12:]}" for n in map(printable, names)]
    drawn = [set(map(ord, name)) <= glyphs for name in short]
    return families, [n if drawn[k] else f"{what} {k}" for k, n in enumerate(short)]
