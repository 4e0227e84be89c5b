"""Figures of matplotlib in which labels of any script stand as they are."""

import functools

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure

matplotlib.rcParams['text.parse_math'] = False  # a label may hold a dollar
# For what matplotlib's own font lacks, as Hangul: the first of these that is installed.
FURTHER_FONTS = ('Noto Sans CJK KR', 'NanumGothic', 'Malgun Gothic', 'Apple SD Gothic Neo', 'Noto Sans CJK JP',
                 'WenQuanYi Micro Hei', 'Unifont')


def make_figure(**options):
    """Return an empty Figure of constrained layout; `options` are those of matplotlib.figure.Figure."""
    matplotlib.rcParams['font.family'] = ['DejaVu Sans', *installed_fonts()]
    return Figure(layout='constrained', **options)


@functools.cache
def installed_fonts():
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [font for font in FURTHER_FONTS if font in installed]
