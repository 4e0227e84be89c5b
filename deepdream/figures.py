"""Figures of matplotlib in which labels of any script stand as they are."""

import functools
import warnings

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure

from deepdream.artifacts import atomic

matplotlib.rcParams['text.parse_math'] = False  # a label may hold a dollar
MISSING_GLYPH = 'Glyph .* missing from font'
warnings.filterwarnings('ignore', MISSING_GLYPH)  # a line for each letter and drawing: `save_figure` says it once
# For what matplotlib's own font lacks, as Hangul: the first of these that is installed.
FURTHER_FONTS = ('Noto Sans CJK KR', 'NanumGothic', 'Malgun Gothic', 'Apple SD Gothic Neo', 'Noto Sans CJK JP',
                 'WenQuanYi Micro Hei', 'Unifont')


def make_figure(layout='constrained', **options):
    """Return an empty Figure; `options` are those of matplotlib.figure.Figure."""
    matplotlib.rcParams['font.family'] = ['DejaVu Sans', *installed_fonts()]
    return Figure(layout=layout, **options)


def save_figure(figure, path, **options):
    """Write a figure as PNG; say in one line where no installed font has all letters of the labels."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings('always', MISSING_GLYPH)
        with atomic(path) as temporary:
            figure.savefig(temporary, format='png', **options)
    if caught:
        print(f'{path}: no installed font has all letters of the labels: install one, such as fonts-noto-cjk of Debian')


@functools.cache
def installed_fonts():
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [font for font in FURTHER_FONTS if font in installed]
